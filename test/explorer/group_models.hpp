// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/detail/group/group_access.hpp>
#include <weir/detail/group/group_steps.hpp>
#include <weir/error.hpp>
#include <weir/sleep.hpp>
#include <weir/task.hpp>
#include <weir/task_group.hpp>

#include "explorer/engine.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>

// Shared by the models of a task_group. The group is the real one.

namespace weir::test {

using joining = outsider<detail::join_step>;
using spawning = outsider<detail::spawn_step>;

inline detail::group_core& core_of(task_group& group) {
  return detail::group_access::core(group);
}

/// What join() reports: "", or the message of the exception.
inline std::string result_of(joining& j) {
  const std::exception_ptr error = std::get<0>(j.step.arguments());
  if (!error)
    return "";
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& e) {
    return e.code() == asio::error::operation_aborted ? "aborted"
           : e.code() == asio::error::timed_out       ? "timed out"
                                                      : e.what();
  } catch (const std::exception& e) {
    return e.what();
  }
}

inline task<> writes(int& where) {
  ++where;
  co_return;
}

inline task<> fails(const char* what) {
  throw std::runtime_error(what);
  co_return;
}

enum class nap : unsigned char { none, begun, over, cut };

/// Sleeps until the next fire_timers().
inline task<> naps(nap& how) {
  how = nap::begun;
  try {
    co_await sleep_for(std::chrono::milliseconds(1));
    how = nap::over;
  } catch (const boost::system::system_error&) {
    how = nap::cut;
    throw;
  }
}

/// Starts a child that has a slot for certain.
inline void start_child(task_group& group, task<> child) {
  if (group.try_spawn(std::move(child)) != spawn_status::started)
    throw std::logic_error("a model's child was refused");
}

} // namespace weir::test
