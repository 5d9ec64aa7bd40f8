#pragma once
#include <cstdint>
#include <ostream>

namespace pixelgrad {

/// What lies around an image when a window slides over it: a number of pixels on every side,
/// `.padding = 1`, or as many as "same" asks for, `.padding = Padding::same`.
class Padding {
 public:
  constexpr Padding(int64_t pixels) : pixels_(pixels) {}

  /// Keras's and TensorFlow's "same": ceil(size / stride) outputs. Along each axis that takes
  /// max((ceil(size / stride) - 1) stride + window - size, 0) pixels, of which the odd one lies at
  /// the bottom or on the right. With stride 1 it is PyTorch's padding='same', which allows no
  /// other stride.
  static const Padding same;

  constexpr bool is_same() const { return pixels_ == same_marker; }
  /// Of a number of pixels on every side.
  constexpr int64_t pixels() const { return pixels_; }

  /// Pixels before and behind an axis of `size` pixels, over which a window of `window` pixels
  /// moves by `stride`.
  struct Sides {
    int64_t before, after;
  };
  Sides along(int64_t size, int64_t window, int64_t stride) const;

  friend constexpr bool operator==(const Padding& a, const Padding& b) = default;
  friend std::ostream& operator<<(std::ostream& out, const Padding& p) {
    return p.is_same() ? out << "same" : out << p.pixels_;
  }

 private:
  static constexpr int64_t same_marker = INT64_MIN;
  int64_t pixels_;
};

inline constexpr Padding Padding::same{INT64_MIN};

}  // namespace pixelgrad
