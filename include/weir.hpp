// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <weir/as_stopped.hpp>
#include <weir/channel.hpp>
#include <weir/checkpoint.hpp>
#include <weir/co_spawn.hpp>
#include <weir/completion_group.hpp>
#include <weir/error.hpp>
#include <weir/error_policy.hpp>
#include <weir/executor.hpp>
#include <weir/finally.hpp>
#include <weir/flight_result.hpp>
#include <weir/group_error.hpp>
#include <weir/indexed_value.hpp>
#include <weir/limiter.hpp>
#include <weir/named.hpp>
#include <weir/operation.hpp>
#include <weir/permit.hpp>
#include <weir/quorum.hpp>
#include <weir/race.hpp>
#include <weir/reserve_tasks.hpp>
#include <weir/result.hpp>
#include <weir/result_group.hpp>
#include <weir/receive_any.hpp>
#include <weir/runtime.hpp>
#include <weir/send_status.hpp>
#include <weir/shield.hpp>
#include <weir/shutdown_options.hpp>
#include <weir/single_flight.hpp>
#include <weir/sleep.hpp>
#include <weir/spawn_status.hpp>
#include <weir/task.hpp>
#include <weir/task_failure.hpp>
#include <weir/task_group.hpp>
#include <weir/task_group_options.hpp>
#include <weir/task_group_stats.hpp>
#include <weir/this_task.hpp>
#include <weir/unwinding.hpp>
#include <weir/version.hpp>
#include <weir/when_all.hpp>
#include <weir/with_result_group.hpp>
#include <weir/with_task_group.hpp>
#include <weir/with_timeout.hpp>
