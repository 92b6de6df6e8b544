// SPDX-License-Identifier: BSL-1.0
// Part of weir: structured concurrency for Boost.Asio.

#pragma once

#include "../harness.hpp"

#include <cstddef>
#include <vector>

namespace weir::perf {

/// A square part of a matrix.
struct block {
  float* first;
  std::size_t rows;
  std::size_t stride; ///< from one row to the next

  /// Products of blocks that small are not divided.
  static constexpr std::size_t leaf = 32;

  /// One of `across * across` parts of the same size.
  block part(std::size_t row, std::size_t column, std::size_t across) const {
    const std::size_t n = rows / across;
    return {first + (row * stride + column) * n, n, stride};
  }
  block quarter(std::size_t row, std::size_t column) const {
    return part(row, column, 2);
  }
};

/// Adds a * b to c; all three are leaves.
inline void multiply_leaf(block c, block a, block b) {
  for (std::size_t i = 0; i != block::leaf; ++i) {
    float sums[block::leaf];
    float* const row = c.first + i * c.stride;
    for (std::size_t j = 0; j != block::leaf; ++j)
      sums[j] = row[j];
    for (std::size_t k = 0; k != block::leaf; ++k) {
      const float factor = a.first[i * a.stride + k];
      const float* const other = b.first + k * b.stride;
      for (std::size_t j = 0; j != block::leaf; ++j)
        sums[j] += factor * other[j];
    }
    for (std::size_t j = 0; j != block::leaf; ++j)
      row[j] = sums[j];
  }
}

/// Two matrices and their product. The elements are small whole numbers, of
/// which every sum is exact in whatever order it is made.
class product {
public:
  /// With the most rows up to `rows` that halve down to leaves.
  explicit product(std::size_t rows) {
    while (rows_ * 2 <= rows)
      rows_ *= 2;
    for (std::size_t i = 0; i != rows_ * rows_; ++i) {
      a_.push_back(static_cast<float>(i * 7 % 5));
      b_.push_back(static_cast<float>(i * 3 % 4));
    }
    c_.resize(rows_ * rows_);
  }

  block a() { return {a_.data(), rows_, rows_}; }
  block b() { return {b_.data(), rows_, rows_}; }
  block c() { return {c_.data(), rows_, rows_}; }

  /// Whether c v is a (b v), for a vector v whose elements differ.
  bool is_right() const {
    std::vector<double> v;
    for (std::size_t i = 0; i != rows_; ++i)
      v.push_back(static_cast<double>(i % 97 + 1));
    return times(c_, v) == times(a_, times(b_, v));
  }

  /// A multiplication and an addition are two operations.
  figure rate(const sample& seen) const {
    const auto n = static_cast<double>(rows_);
    return {"gflop_per_s", 2e-9 * n * n * n / seen.wall_s};
  }

private:
  std::vector<double> times(const std::vector<float>& matrix,
                            const std::vector<double>& vector) const {
    std::vector<double> result(rows_);
    for (std::size_t i = 0; i != rows_; ++i)
      for (std::size_t j = 0; j != rows_; ++j)
        result[i] += static_cast<double>(matrix[i * rows_ + j]) * vector[j];
    return result;
  }

  std::size_t rows_ = block::leaf;
  std::vector<float> a_;
  std::vector<float> b_;
  std::vector<float> c_;
};

/// Measures `multiply(product)`; tasks are the rows of the matrices.
template <typename Multiply>
sample measure_matmul(const workload& load, Multiply multiply) {
  constexpr std::size_t warm_up = 128;
  sample seen = measure(load, warm_up, [&](std::size_t rows, stopwatch& watch) {
    product p(rows);
    watch.start();
    multiply(p);
    watch.stop();
    require(p.is_right(), "product");
  });
  seen.figures = {product(load.tasks).rate(seen)};
  return seen;
}

} // namespace weir::perf
