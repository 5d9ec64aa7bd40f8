// The formulas of the binary ops, each with the gradients of its two sides; see unary-inl.h.
#if defined(PIXELGRAD_TENSOR_KERNELS_BINARY_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef PIXELGRAD_TENSOR_KERNELS_BINARY_INL
#undef PIXELGRAD_TENSOR_KERNELS_BINARY_INL
#else
#define PIXELGRAD_TENSOR_KERNELS_BINARY_INL
#endif

template <class V>
struct Add {
  static PIXELGRAD_FORMULA V forward(V a, V b) { return a + b; }
  static PIXELGRAD_FORMULA V left(V, V, V, V dy) { return dy; }
  static PIXELGRAD_FORMULA V right(V, V, V, V dy) { return dy; }
};

template <class V>
struct Sub {
  static PIXELGRAD_FORMULA V forward(V a, V b) { return a - b; }
  static PIXELGRAD_FORMULA V left(V, V, V, V dy) { return dy; }
  static PIXELGRAD_FORMULA V right(V, V, V, V dy) {
    return PIXELGRAD_MUTANT(sub_backward_sign, -dy, dy);
  }
};

template <class V>
struct Mul {
  static PIXELGRAD_FORMULA V forward(V a, V b) { return a * b; }
  static PIXELGRAD_FORMULA V left(V, V b, V, V dy) { return dy * b; }
  static PIXELGRAD_FORMULA V right(V a, V, V, V dy) { return dy * a; }
};

template <class V>
struct Div {
  static PIXELGRAD_FORMULA V forward(V a, V b) { return a / b; }
  static PIXELGRAD_FORMULA V left(V, V b, V, V dy) { return dy / b; }
  static PIXELGRAD_FORMULA V right(V, V b, V y, V dy) {  // y / b = a / b^2
    return -dy * PIXELGRAD_MUTANT(div_backward_of_the_divisor, y / b, y);
  }
};

/// a^b. For an exponent of 0 the value is 1 whatever the base, and for a base of 0 it is 0 for
/// every exponent above 0: both have no slope, although a logarithm or a power of 0 stands in the
/// formula.
template <class V>
struct Pow {
  static PIXELGRAD_FORMULA V forward(V a, V b) { return pow(a, b); }
  static PIXELGRAD_FORMULA V left(V a, V b, V, V dy) {
    return select(b == 0, 0, dy * b * pow(a, b - 1));
  }
  static PIXELGRAD_FORMULA V right(V a, V b, V y, V dy) {
    const V slope = dy * y * PIXELGRAD_MUTANT(pow_backward_without_log, log(a), V(1));
    return select(a == 0, select(b >= 0, 0, slope), slope);
  }
};

/// Calls f with the formula of `op`.
template <class V, class F>
void with_formula(BinaryOp op, const F& f) {
  switch (op) {
    case BinaryOp::add:
      return f(Add<V>{});
    case BinaryOp::sub:
      return f(Sub<V>{});
    case BinaryOp::mul:
      return f(Mul<V>{});
    case BinaryOp::div:
      return f(Div<V>{});
    case BinaryOp::pow:
      return f(Pow<V>{});
  }
}

#endif
