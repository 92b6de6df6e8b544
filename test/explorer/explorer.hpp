// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace weir::test {

/// Built with the thread sanitizer: each fiber is a thread to it.
#if defined(WEIR_TSAN_FIBERS)
inline constexpr bool tsan_fibers = true;
#else
inline constexpr bool tsan_fibers = false;
#endif

/// Runs a model under every schedule, up to a bound.
///
/// A model's threads are fibers of one thread and change only before an access
/// to an explore_sync::atomic. Schedules are walked depth first. Each takes at
/// most `liberties`; one is a thread that could go on but is preempted, a store
/// that others see only after their writer's next barrier, or a weak exchange
/// that fails for no reason. The memory is thus that of x86 (a part of it), not
/// all that C++ allows. In the thread-sanitizer build no store is late, but two
/// accesses that nothing orders in a schedule are a race, which ends the
/// program.
///
/// A model is a default-constructible class with
///   static constexpr std::size_t threads
///   void run(std::size_t thread)        its threads; no exceptions
///   std::string outcome()               after all of them
///
/// Source: preemption bounding is CHESS's (Musuvathi and Qadeer, 2007).
class explorer final {
public:
  using clock = std::chrono::steady_clock;
  static constexpr std::size_t most_threads = 4;

  struct report {
    std::uint64_t schedules = 0;
    bool is_complete = true;                     ///< false: time was up
    std::map<std::string, std::string> outcomes; ///< and a schedule for each
    bool has(const std::string& o) const { return outcomes.count(o) != 0; }
  };

  explorer();
  explorer(const explorer&) = delete;
  explorer& operator=(const explorer&) = delete;
  ~explorer();

  /// All schedules of a Model, or those up to a time.
  template <typename Model>
  report explore(unsigned liberties,
                 clock::time_point end = clock::time_point::max()) {
    report seen;
    trail_.clear();
    random_ = 0;
    do
      once<Model>(liberties, seen);
    while (next_trail() && (seen.is_complete = !is_over(seen, end)));
    return seen;
  }
  /// Schedules drawn at random, up to a time or a number.
  template <typename Model>
  report sample(unsigned liberties,
                std::uint64_t seed,
                std::uint64_t schedules,
                clock::time_point end = clock::time_point::max()) {
    report seen;
    random_ = seed * 2 + 1;
    while (seen.schedules != schedules && !is_over(seen, end))
      once<Model>(liberties, seen);
    return seen;
  }

  // --- by the atomics ---

  /// The explorer that runs a fiber now; null outside of fibers.
  static explorer* active() noexcept { return active_; }

  /// The index of the running fiber, or most_threads outside of fibers.
  static std::size_t thread() noexcept {
    return active_ != nullptr ? active_->running_ : most_threads;
  }

  /// Another thread may go first.
  void step() noexcept;
  /// True, at the cost of a liberty: the operation that may fail must fail.
  bool fault() noexcept;
  /// A value was written: paused threads may look again.
  void wrote() noexcept;
  /// Returns when another thread has written something.
  void pause() noexcept;

  /// What has run so far, a digit for each step; '!': something went wrong.
  std::string schedule() const;

  struct store {
    void* where;
    std::uint64_t bits;
    void (*apply)(void* where, std::uint64_t bits) noexcept;
  };
  /// One of the running thread's stores that others do not see yet, the newest
  /// to this place; null if there is none.
  const store* delayed(const void* where) const noexcept;
  /// Hides the store from other threads for now. True: it is the only hidden
  /// one.
  bool delay(const store& s) noexcept;
  /// Makes the hidden stores visible to other threads.
  void publish() noexcept;
  /// A barrier: publishes the stores, after other threads may have run without
  /// seeing them.
  void flush() noexcept;

private:
  static constexpr std::size_t longest = 4000; // steps
  static constexpr std::size_t most_delayed = 8;
  struct fiber;
  struct choice {
    std::uint8_t taken;
    std::uint8_t options;
  };
  using body_fn = void (*)(void* model, std::size_t thread);

  template <typename Model>
  void once(unsigned liberties, report& seen) {
    static_assert(Model::threads <= most_threads);
    auto model = std::make_unique<Model>();
    const bool ended = play(
        Model::threads, liberties, model.get(), [](void* m, std::size_t t) {
          static_cast<Model*>(m)->run(t);
        });
    ++seen.schedules;
    std::string outcome = "stuck";
    if (ended)
      outcome = model->outcome();
    else
      (void)model.release(); // Its threads have not ended.
    if (!seen.has(outcome))
      seen.outcomes.emplace(std::move(outcome), schedule());
  }

  static bool is_over(const report& seen, clock::time_point end) {
    return end != clock::time_point::max() && seen.schedules % 64 == 0 &&
           clock::now() >= end;
  }

  bool next_trail() noexcept;
  std::size_t choose(std::size_t options, bool costs) noexcept;
  std::size_t next_thread() noexcept;
  void swap_out() noexcept;
  void switch_to(std::size_t next) noexcept;
  void make(std::size_t thread);
  void meet() noexcept;
  static void enter();
  // False: some thread waits for ever.
  bool play(std::size_t threads, unsigned liberties, void* model, body_fn body);

  inline static explorer* active_ = nullptr;

  void* model_ = nullptr;
  body_fn body_ = nullptr;
  std::unique_ptr<fiber[]> fibers_; // the last is the caller of play()
  std::vector<choice> trail_;       // every choice with more than one option
  std::size_t at_ = 0;              // in trail_
  std::size_t threads_ = 0;
  std::size_t running_ = most_threads;
  std::size_t steps_ = 0;
  unsigned liberties_ = 0;   // left
  std::uint64_t random_ = 0; // not 0: draws instead of following the trail
  std::array<char, 2 * longest> schedule_{};
  std::size_t length_ = 0; // of schedule_
};

/// What a model's thread waits for, as in `while (!m.is_set()) pause()`. Orders
/// nothing, and no other thread runs before an access: a mark is not part of
/// what is explored.
class mark final {
public:
  void set() noexcept;
  bool is_set() const noexcept;

private:
  bool set_ = false;
};

} // namespace weir::test
