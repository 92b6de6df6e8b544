// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/error.hpp>

#include <string>

namespace weir {

namespace {

class category final : public boost::system::error_category {
public:
  const char* name() const noexcept override { return "weir"; }

  std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
    case errc::group_closed:
      return "the task group was closed or joined";
    case errc::would_deadlock:
      return "the call would wait for itself";
    case errc::task_abandoned:
      return "the task was destroyed before it completed";
    case errc::runtime_stopped:
      return "the runtime was stopped";
    case errc::overloaded:
      return "too many wait already";
    case errc::over_capacity:
      return "more was asked for than the capacity of the limiter";
    case errc::channel_closed:
      return "the channel was closed";
    case errc::not_started:
      return "the child returned without having started";
    }
    return "unknown weir error " + std::to_string(value);
  }
};

} // namespace

const boost::system::error_category& error_category() noexcept {
  static const category instance;
  return instance;
}

boost::system::error_code make_error_code(errc e) noexcept {
  return {static_cast<int>(e), error_category()};
}

} // namespace weir
