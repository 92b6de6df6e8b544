// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// The program that tasks_in_gdb.py debugs: two sessions that wait for an
// answer, three coroutines deep, and `everybody_waits`, where gdb has a
// breakpoint.

#include <weir.hpp>

#include "group/group_core.hpp"
#include "runtime/runtime_core.hpp" // the types that weir_gdb.py reads

#include <chrono>
#include <thread>

using namespace std::chrono_literals;

extern "C" void everybody_waits(weir::runtime& runtime);
[[gnu::noinline]] void everybody_waits(weir::runtime& runtime) {
  (void)runtime.stats();
}

namespace {

weir::task<int> ask(weir::channel<int>& answers, int question) {
  const auto answer = co_await answers.receive();
  co_return answer.value_or(question);
}

weir::task<> session(weir::channel<int>& answers, int id) {
  const int question = 100 + id;
  (void)co_await ask(answers, question);
}

weir::task<> server(weir::channel<int>& answers) {
  auto body = [&](weir::task_group& group) -> weir::task<> {
    for (int id = 1; id != 3; ++id)
      co_await group.spawn(weir::named("session", session(answers, id)));
  };
  co_await weir::with_task_group({.name = "sessions"}, body);
}

} // namespace

int main() {
  weir::channel<int> answers(0);
  weir::runtime runtime(2);
  std::thread watcher([&] {
    while (answers.waiting_receivers() != 2)
      std::this_thread::sleep_for(1ms);
    everybody_waits(runtime);
    answers.close();
  });
  runtime.run(weir::named("server", server(answers)));
  watcher.join();
}
