// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/task/abort.hpp>
#include <weir/detail/task/await_task.hpp>
#include <weir/detail/task/deadline_scope.hpp>
#include <weir/detail/task/promise.hpp>
#include <weir/error.hpp>

#include "base/thread_context.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/experimental/channel_error.hpp>
#include <boost/asio/multiple_exceptions.hpp>
#include <boost/system/errc.hpp>
#include <boost/system/system_error.hpp>

#include <array>
#include <atomic>
#include <cassert>
#include <cstddef>
#include <exception>
#include <stdexcept>
#include <system_error>
#include <typeinfo>
#include <utility>

namespace weir::detail {

namespace {

// What a cancelled await throws; user code sees a system_error. weir recognises
// it by its type, without another throw.
class abort_error final : public boost::system::system_error {
public:
  abort_error() : system_error(asio::error::operation_aborted) {}
};

bool is_abort_error(const std::exception_ptr& error) noexcept {
#if defined(__GLIBCXX__) && defined(__cpp_rtti)
  const std::type_info* const type = error.__cxa_exception_type();
  return type != nullptr && *type == typeid(abort_error);
#else
  (void)error;
  return false; // The caller asks the exception itself.
#endif
}

std::exception_ptr made(const boost::system::error_code& code) {
  return std::make_exception_ptr(boost::system::system_error(code));
}

// The errors for the codes that say what ended an operation, made once. Making
// one costs as much as throwing it, because of the text of what(), a cancelled
// group would make one for each child, and there may be no memory.
struct shared_errors {
  // Null: `code` is none of these.
  const std::exception_ptr*
  find(const boost::system::error_code& code) const noexcept {
    if (code == asio::error::operation_aborted)
      return &aborted;
    if (code == asio::error::timed_out)
      return &timed_out;
    if (code == errc::task_abandoned)
      return &abandoned;
    return nullptr;
  }

  // Several, because threads that copy one of them contend for the reference
  // count of its text.
  const std::array<abort_error, 8> aborts;
  const std::exception_ptr aborted = std::make_exception_ptr(aborts.front());
  const std::exception_ptr timed_out = made(asio::error::timed_out);
  const std::exception_ptr abandoned = made(errc::task_abandoned);
};

const shared_errors& shared() {
  // Never destroyed: a task may be cancelled while the process ends.
  static const auto* const only = new shared_errors;
  return *only;
}
// Made when the program starts, or earlier if a static initialiser needs them.
[[maybe_unused]] const shared_errors& made_at_start = shared();

} // namespace

void throw_code(const boost::system::error_code& code) {
  if (code == asio::error::operation_aborted)
    throw_aborted();
  if (const std::exception_ptr* const error = shared().find(code))
    std::rethrow_exception(*error);
  throw boost::system::system_error(code);
}

std::exception_ptr error_of(const boost::system::error_code& code) noexcept {
  const std::exception_ptr* const error = shared().find(code);
  assert(error != nullptr && "not one of those that are made once");
  return *error;
}

// Throws a copy, which is faster than to rethrow an exception_ptr: that needs a
// second object, and a landing pad on the way that releases the first.
void throw_aborted() {
  static constinit std::atomic<std::size_t> threads{0};
  std::size_t& number = own_block().number;
  if (number == 0)
    // relaxed: any number will do.
    number = 1 + threads.fetch_add(1, std::memory_order_relaxed);
  const auto& aborts = shared().aborts;
  throw abort_error(aborts[number % aborts.size()]);
}

void throw_empty_task() {
  throw std::invalid_argument("weir::task: awaited an empty task "
                              "(default-constructed or moved from)");
}

void throw_no_value() {
  throw std::logic_error(
      "weir::task: the coroutine ended without co_return of a value");
}

void throw_timed_out() { std::rethrow_exception(shared().timed_out); }

bool is_abort_code(const boost::system::error_code& code) noexcept {
  return code == asio::error::operation_aborted ||
         code == asio::experimental::error::channel_cancelled ||
         code == boost::system::errc::operation_canceled;
}

namespace {

// Looks at `e`, the exception being handled, itself, whatever else it derives
// from.
template <typename E>
bool says_aborted(const E& e) noexcept {
#if defined(__cpp_rtti)
  if (auto* const ours = dynamic_cast<const boost::system::system_error*>(&e))
    return is_abort_code(ours->code());
  if (auto* const std_error = dynamic_cast<const std::system_error*>(&e))
    return std_error->code() == std::errc::operation_canceled;
  return false;
#else
  (void)e;
  // With -fno-rtti only the handlers are left, which test in the same order.
  try {
    throw;
  } catch (const boost::system::system_error& ours) {
    return is_abort_code(ours.code());
  } catch (const std::system_error& std_error) {
    return std_error.code() == std::errc::operation_canceled;
  } catch (...) {
    return false;
  }
#endif
}

// True: `error` itself is an abort. Else `error` becomes the one inside it,
// null if there is none.
bool is_aborted_or_unwrap(std::exception_ptr& error) noexcept {
  std::exception_ptr inside;
  bool aborted = false;
  try {
    std::rethrow_exception(error);
  } catch (const asio::multiple_exceptions& e) {
    inside = e.first_exception(); // It stores no other.
  } catch (const std::nested_exception& e) {
    aborted = says_aborted(e);
    inside = e.nested_ptr();
  } catch (const std::exception& e) {
    aborted = says_aborted(e);
  } catch (...) {
    aborted = false; // Not an error of weir; the caller keeps it.
  }
  error = std::move(inside);
  return aborted;
}

// Exceptions may be nested, as by operators within operators.
constexpr int max_nesting = 16;

} // namespace

bool is_aborted(const std::exception_ptr& error) noexcept {
  if (!error)
    return false;
  if (is_abort_error(error))
    return true;
  std::exception_ptr inner = error;
  for (int depth = 0; inner && depth != max_nesting; ++depth)
    if (is_aborted_or_unwrap(inner))
      return true;
  return false;
}

} // namespace weir::detail
