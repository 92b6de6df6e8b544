// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

// libFuzzer over the programs of weir-model: a file that it writes, such as a
// crash, is also a program.
//
//     meson setup FOLDER -Dfuzz=enabled -Db_sanitize=address -Db_lundef=false
//     FOLDER/test/fuzz/weir-fuzz -max_len=64 -max_total_time=60 CORPUS
//     weir-model --replay HEX or --corpus FOLDER

#include "../model/program.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <vector>

namespace {

namespace model = weir::test::model;

model::tally seen;
std::uint64_t executions = 0;

std::vector<std::filesystem::path> folders;

void sum_up() {
  std::size_t files = 0;
  for (const std::filesystem::path& folder : folders)
    for (const auto& file : std::filesystem::directory_iterator(folder))
      files += file.is_regular_file();
  std::printf("prove: fuzz executions=%llu corpus=%zu steps=%llu "
              "children=%llu\n",
              static_cast<unsigned long long>(executions),
              files,
              static_cast<unsigned long long>(seen.steps),
              static_cast<unsigned long long>(seen.spawned));
}

} // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  for (int i = 1; i < *argc; ++i)
    if (std::filesystem::is_directory((*argv)[i]))
      folders.emplace_back((*argv)[i]);
  return std::atexit(sum_up);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const model::bytes text(data, data + size);
  try {
    model::program one(text, seen);
    one.run();
    ++executions;
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr,
                 "%s%s\n    weir-model --replay %s\n",
                 model::script(text).to_string().c_str(),
                 e.what(),
                 model::to_hex(text).c_str());
  }
  std::abort();
}
