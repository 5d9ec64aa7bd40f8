#pragma once
#include <algorithm>
#include <array>
#include <cstdint>

#include "tensor/kernels/broadcast.h"
#include "tensor/mutant_internal.h"

namespace pixelgrad::kernels {

/// Reads an Operand piece by piece as the large array that it stands for. Kernels then work on
/// contiguous pieces only: a whole operand is read in place, any other is copied into a buffer that
/// stays in the first-level cache, row by row and never element by element with index arithmetic.
template <class T>
class OperandReader {
 public:
  static constexpr int64_t max_piece = 1024;

  explicit OperandReader(const Operand<T>& x) : x_(x) {}

  /// Values [begin, begin + n) of the large array, n <= max_piece. Valid until the next call.
  const T* read(int64_t begin, int64_t n) {
    if (x_.is_whole()) return x_.data + begin;
    const bool single = x_.axes.count == 1;  // one value, repeated
    if (!single || !filled_) copy(begin, single ? max_piece : n);
    filled_ = true;
    return buffer_.data();
  }

 private:
  /// Where a position lies: the index on each axis, and in the small array the start of the
  /// innermost axis.
  struct Position {
    std::array<int64_t, BroadcastAxes::max_axes> index;
    int64_t start = 0;
  };

  Position locate(int64_t at) const {
    Position p;
    int64_t stride = 1;
    for (int i = x_.axes.count - 1; i >= 0; --i) {
      p.index[i] = at % x_.axes.size[i];
      at /= x_.axes.size[i];
      if (x_.axes.repeated[i]) continue;
      if (i < x_.axes.count - 1) p.start += p.index[i] * stride;
      stride *= x_.axes.size[i];
    }
    return p;
  }

  /// To the start of the row that is `rows` rows further on the axis above the innermost, which
  /// has at least as many left.
  void advance(Position& p, int64_t rows) const {
    const BroadcastAxes& axes = x_.axes;
    const int inner = axes.count - 1;
    p.index[inner] = 0;
    int64_t stride = axes.repeated[inner] ? 1 : axes.size[inner];
    for (int i = inner - 1; i >= 0; --i) {
      const int64_t step =
          axes.repeated[i] ? 0 : PIXELGRAD_MUTANT(broadcast_stays_in_the_first_image, stride, 0);
      p.index[i] += rows;
      p.start += rows * step;
      if (p.index[i] < axes.size[i]) return;
      p.index[i] = 0;
      p.start -= axes.size[i] * step;
      if (!axes.repeated[i]) stride *= axes.size[i];
      rows = 1;
    }
  }

  void copy(int64_t begin, int64_t n) {
    const BroadcastAxes& axes = x_.axes;
    const int inner = axes.count - 1;
    const int64_t width = axes.size[inner];
    if (axes.count == 1) {
      std::fill_n(buffer_.data(), n, x_.data[0]);
      return;
    }
    Position p = locate(begin);
    for (int64_t done = 0; done < n;) {
      const int64_t column = p.index[inner], run = std::min(width - column, n - done);
      T* out = buffer_.data() + done;
      if (axes.repeated[inner]) {
        std::fill_n(out, run, x_.data[p.start]);
        done += run;
        advance(p, 1);
        continue;
      }
      std::copy_n(x_.data + p.start + column, run, out);
      done += run;
      int64_t rows = 1;
      if (column == 0 && run == width) {
        // The rows above repeat this one; copied in blocks that double.
        const int64_t left = axes.size[inner - 1] - p.index[inner - 1];
        rows = std::min(left, 1 + (n - done) / width);
        for (int64_t have = 1; have < rows;) {
          const int64_t more = std::min(have, rows - have);
          std::copy_n(out, more * width, out + have * width);
          have += more;
        }
        done += (rows - 1) * width;
      }
      advance(p, rows);
    }
  }

  const Operand<T>& x_;
  bool filled_ = false;
  std::array<T, max_piece> buffer_;
};

}  // namespace pixelgrad::kernels
