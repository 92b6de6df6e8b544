// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include <boost/algorithm/hex.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <filesystem>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <openssl/evp.h>
#include <stdexcept>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

/// A name as md5sum prints it: on one line, whatever it holds.
inline std::string escaped(const std::string& name) {
  std::string out;
  for (const char c : name) {
    if (c == '\\' || c == '\n' || c == '\r')
      out += '\\';
    out += c == '\n' ? 'n' : c == '\r' ? 'r' : c;
  }
  return out;
}

/// A line of md5sum's output.
inline std::string md5sum_line(const std::string& name,
                               const std::string& hex) {
  const std::string shown = escaped(name);
  return (shown == name ? "" : "\\") + hex + "  " + shown + '\n';
}

[[noreturn]] inline void fail(int error, const std::filesystem::path& path) {
  throw std::system_error(error, std::generic_category(), escaped(path));
}

/// A file that is open for reading, and the MD5 of what was read so far.
class md5_file final {
public:
  /// Does not follow a link, and does not wait for the writer of a pipe: a
  /// path may have been replaced since somebody saw a regular file there.
  ///
  /// Throws: `std::system_error` that names the path, unless is_gone().
  explicit md5_file(std::filesystem::path path)
      : path_(std::move(path)),
        fd_(::open(path_.c_str(),
                   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)) {
    struct stat now {};
    if (fd_.value < 0 && !is_one_of(errno, {ENOENT, ENOTDIR, ELOOP, ENXIO}))
      fail(errno, path_);
    is_gone_ =
        fd_.value < 0 || ::fstat(fd_.value, &now) != 0 || !S_ISREG(now.st_mode);
    if (EVP_DigestInit_ex(state_.get(), EVP_md5(), nullptr) != 1)
      throw std::runtime_error("this OpenSSL does not do MD5");
  }

  /// There is no such regular file any more: there is nothing to read.
  bool is_gone() const noexcept { return is_gone_; }

  /// Adds the next 64 KiB; returns how many bytes, fewer only at the end.
  /// Blocks the calling thread while the disk works.
  std::size_t add_chunk() {
    std::array<char, chunk_size> chunk;
    std::size_t size = 0;
    while (size != chunk.size()) {
      const ssize_t n =
          ::read(fd_.value, chunk.data() + size, chunk.size() - size);
      if (n == 0)
        break;
      if (n > 0)
        size += static_cast<std::size_t>(n);
      else if (errno != EINTR)
        fail(errno, path_);
    }
    EVP_DigestUpdate(state_.get(), chunk.data(), size);
    return size;
  }

  /// Ends the computation.
  std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned size = 0;
    EVP_DigestFinal_ex(state_.get(), digest.data(), &size);
    std::string out;
    boost::algorithm::hex_lower(
        digest.begin(), digest.begin() + size, std::back_inserter(out));
    return out;
  }

  const std::filesystem::path& path() const noexcept { return path_; }

  static constexpr std::size_t chunk_size = 64 * 1024;

private:
  static bool is_one_of(int error, std::initializer_list<int> errors) {
    return std::ranges::find(errors, error) != errors.end();
  }

  struct descriptor {
    int value;
    explicit descriptor(int fd) : value(fd) {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() {
      if (value >= 0)
        ::close(value);
    }
  };
  struct free_state {
    void operator()(EVP_MD_CTX* state) const { EVP_MD_CTX_free(state); }
  };

  std::filesystem::path path_;
  descriptor fd_;
  bool is_gone_ = false;
  std::unique_ptr<EVP_MD_CTX, free_state> state_{EVP_MD_CTX_new()};
};
