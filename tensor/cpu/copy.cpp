#include "tensor/kernels/copy.h"

#include <algorithm>
#include <array>

#include "tensor/bf16.h"
#include "tensor/parallel.h"

namespace pixelgrad::kernels {
namespace {

using Dim = StridedCopy::Dim;

/// A copy cut into units of two dimensions: `line`, whose steps in `to` are the shortest, and
/// `cross`, whose steps in `from` are. They are one and the same unless the copy transposes; where
/// it does not, `cross` is a single element.
struct Plan {
  explicit Plan(const StridedCopy& c) {
    const int last = c.dims - 1;
    int nearest = last;
    for (int k = 0; k < last; ++k)
      if (c.dim[k].from < c.dim[nearest].from) nearest = k;
    line = c.dim[last];
    if (nearest != last) cross = c.dim[nearest];
    for (int k = 0; k < last; ++k)
      if (k != nearest) grid[dims++] = c.dim[k];
    // Long units are cut, into 64 x 512 where the copy transposes.
    cross_piece = std::min<int64_t>(cross.size, 64);
    line_piece = std::min<int64_t>(line.size, nearest == last ? 1 << 15 : 512);
    add_pieces(cross, cross_piece);
    add_pieces(line, line_piece);
  }

  void add_pieces(const Dim& d, int64_t piece) {
    grid[dims++] = {(d.size + piece - 1) / piece, d.from * piece, d.to * piece};
  }

  int64_t units() const {
    int64_t n = 1;
    for (int k = 0; k < dims; ++k) n *= grid[k].size;
    return n;
  }

  Dim cross{1, 1, 1}, line{1, 1, 1};
  int64_t cross_piece, line_piece;
  /// The units: the other dimensions, then the pieces of `cross` and those of `line`.
  int dims = 0;
  std::array<Dim, StridedCopy::max_dims + 2> grid{};
};

/// Blocks of 16 x 16, so that the lines of `from` are still in the cache when the next element of
/// them is due.
template <class T>
void copy_unit(Dim cross, Dim line, const T* from, T* to) {
  if (cross.size == 1 && line.from == 1 && line.to == 1) {
    std::copy_n(from, line.size, to);
    return;
  }
  constexpr int64_t block = 16;
  for (int64_t j0 = 0; j0 < line.size; j0 += block)
    for (int64_t i0 = 0; i0 < cross.size; i0 += block) {
      const int64_t i1 = std::min(cross.size, i0 + block), j1 = std::min(line.size, j0 + block);
      for (int64_t i = i0; i < i1; ++i)
        for (int64_t j = j0; j < j1; ++j)
          to[i * cross.to + j * line.to] = from[i * cross.from + j * line.from];
    }
}

template <class T>
void copy_units(const Plan& plan, int64_t begin, int64_t end, const T* from, T* to) {
  // The index of unit `begin`, which then counts up as an odometer does.
  std::array<int64_t, StridedCopy::max_dims + 2> index{};
  int64_t rest = begin;
  for (int k = plan.dims - 1; k >= 0; --k) {
    index[k] = rest % plan.grid[k].size;
    rest /= plan.grid[k].size;
    from += index[k] * plan.grid[k].from;
    to += index[k] * plan.grid[k].to;
  }
  const auto piece = [](Dim whole, int64_t size, int64_t i) {
    return Dim{std::min(size, whole.size - i * size), whole.from, whole.to};
  };
  for (int64_t unit = begin; unit < end; ++unit) {
    copy_unit(piece(plan.cross, plan.cross_piece, index[plan.dims - 2]),
              piece(plan.line, plan.line_piece, index[plan.dims - 1]), from, to);
    for (int k = plan.dims - 1; k >= 0; --k) {
      const Dim& d = plan.grid[k];
      from += d.from;
      to += d.to;
      if (++index[k] < d.size) break;
      index[k] = 0;
      from -= d.size * d.from;
      to -= d.size * d.to;
    }
  }
}

}  // namespace

template <Device D, class T>
void copy_strided(const StridedCopy& c, const T* from, T* to) {
  for (int k = 0; k < c.dims; ++k)
    if (c.dim[k].size == 0) return;
  const Plan plan(c.simplified());
  const int64_t grain = std::max<int64_t>(1, (1 << 15) / (plan.cross_piece * plan.line_piece));
  parallel_range(plan.units(), grain,
                 [&](int64_t begin, int64_t end) { copy_units(plan, begin, end, from, to); });
}

template void copy_strided<Device::cpu, float>(const StridedCopy&, const float*, float*);
template void copy_strided<Device::cpu, double>(const StridedCopy&, const double*, double*);
template void copy_strided<Device::cpu, bf16>(const StridedCopy&, const bf16*, bf16*);

}  // namespace pixelgrad::kernels
