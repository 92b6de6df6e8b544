// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#include <weir/detail/abort.hpp>
#include <weir/detail/deadline_scope.hpp>
#include <weir/error.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/experimental/channel_error.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
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

namespace detail {

namespace {

// Whoever throws it throws the same object: a cancelled group does so in each
// child, to make one costs as much as to throw it, for the text of what(), and
// it is recognised without another throw.
const std::exception_ptr& aborted() {
  // Never destroyed: a task may be cancelled while the process ends.
  static const auto* const only =
      new std::exception_ptr(std::make_exception_ptr(
          boost::system::system_error(asio::error::operation_aborted)));
  return *only;
}

} // namespace

void throw_aborted() { std::rethrow_exception(aborted()); }

void throw_timed_out() {
  throw boost::system::system_error(asio::error::timed_out);
}

bool is_abort_code(const boost::system::error_code& code) noexcept {
  return code == asio::error::operation_aborted ||
         code == asio::experimental::error::channel_cancelled;
}

bool is_aborted(const std::exception_ptr& error) noexcept {
  if (!error)
    return false;
  try {
    if (error == aborted())
      return true;
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& e) {
    return is_abort_code(e.code());
  } catch (...) {
    return false; // Somebody else's error; the caller keeps it.
  }
}

} // namespace detail
} // namespace weir
