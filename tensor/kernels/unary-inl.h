// The formulas of the unary ops, each with its gradient. Included by a backend inside the namespace
// where V, a number or a SIMD vector of them, has operators, select(condition, yes, no) and the
// elementary functions, and where PIXELGRAD_FORMULA is what stands before a small function (on the
// CPU: to be inlined). Highway's include guard: once per SIMD target.
//
// backward(y, dy) reads the forward's output, backward(x, dy) its input: see backward_reads_output.
#if defined(PIXELGRAD_TENSOR_KERNELS_UNARY_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef PIXELGRAD_TENSOR_KERNELS_UNARY_INL
#undef PIXELGRAD_TENSOR_KERNELS_UNARY_INL
#else
#define PIXELGRAD_TENSOR_KERNELS_UNARY_INL
#endif

/// 1 / (1 + exp(-x)) with e = exp(-|x|), which cannot overflow: 1 / (1 + e) for x >= 0, else
/// e / (1 + e).
template <class V>
PIXELGRAD_FORMULA V logistic(V x) {
  const V e = exp(-abs(x));
  return select(x < 0, e, 1) / (1 + e);
}

/// Mills' ratio (1 - Phi(z)) / phi(z) of the standard normal distribution, for z >= 0 where
/// (1 + z) times it is smooth in t = (z - 5) / (z + 5); Shepherd and Laframboise, "Chebyshev
/// approximation of (1 + 2x) exp(x^2) erfc(x)", Math. Comp. 36, 1981, has the idea. f32 needs the
/// first 13 coefficients only.
template <class V>
PIXELGRAD_FORMULA V mills_ratio(V z) {
  using T = typename V::Value;
  constexpr double chebyshev[] = {
      1.1579976221305187124,      -0.16334493884513979578,    -0.013683136055781578663,
      0.030822000198100042856,    -0.016220073012046799764,   0.005616691016460101839,
      -0.0014133933783549155591,  0.00025026254607256738977,  -0.000024689072397287796587,
      -1.0107964061912928731e-6,  7.495419179660216033e-7,    -7.6002742692538396811e-8,
      -1.1574771441689230022e-8,  3.3333864772235043433e-9,   7.5380403939484899111e-11,
      -1.1104246511340823562e-10, 3.5092480941968187302e-12,  3.689494780236951643e-12,
      -2.3377218265668275984e-13, -1.3272557393013508467e-13, 9.9148671467122594004e-15,
      5.272714047484130564e-15,   -3.3576619457867884555e-16, -2.2238894579784585696e-16};
  constexpr int terms = sizeof(T) == 4 ? 13 : 24;
  const V t = (z - 5) / (z + 5), twice = t + t;
  V next = 0, after = 0;  // Clenshaw's recurrence, highest term first
  for (int k = terms - 1; k > 0; --k) {
    const V sum = twice * next + (static_cast<T>(chebyshev[k]) - after);
    after = next;
    next = sum;
  }
  return (t * next + (static_cast<T>(chebyshev[0]) - after)) / (1 + z);
}

template <class V>
struct Relu {
  PIXELGRAD_FORMULA V forward(V x) const { return select(x <= 0, 0, x); }  // a NaN stays
  PIXELGRAD_FORMULA V backward(V y, V dy) const {
    return select(PIXELGRAD_MUTANT(relu_passes_gradient_at_zero, y > 0, y >= 0), dy, 0);
  }
};

template <class V>
struct LeakyRelu {
  V slope;
  PIXELGRAD_FORMULA V forward(V x) const { return select(x > 0, x, slope * x); }
  PIXELGRAD_FORMULA V backward(V y, V dy) const { return select(y > 0, dy, slope * dy); }
};

/// x > 0: x, else alpha (exp(x) - 1), whose slope alpha exp(x) is y + alpha.
template <class V>
struct Elu {
  V alpha;
  PIXELGRAD_FORMULA V forward(V x) const { return select(x > 0, x, alpha * expm1(x)); }
  PIXELGRAD_FORMULA V backward(V y, V dy) const {
    return select(y > 0, dy, dy * (y + PIXELGRAD_MUTANT(elu_backward_without_alpha, alpha, V(1))));
  }
};

/// x Phi(x) with the standard normal distribution Phi and its density phi. Of Phi the smaller tail
/// is computed, phi(x) times Mills' ratio, so that no digits cancel.
template <class V>
struct Gelu {
  struct Normal {
    V distribution, density;
  };
  static PIXELGRAD_FORMULA Normal normal(V x) {
    const V z = select(abs(x) > 40, 40, abs(x));                   // there phi is 0
    const V density = exp(-0.5 * x * x) * 0.39894228040143267794;  // 1 / sqrt(2 pi)
    const V tail = density * mills_ratio(z);
    return {select(x < 0, tail, 1 - tail), density};
  }
  PIXELGRAD_FORMULA V forward(V x) const { return x * normal(x).distribution; }
  PIXELGRAD_FORMULA V backward(V x, V dy) const {
    const Normal n = normal(x);
    const V density = PIXELGRAD_MUTANT(gelu_backward_in_four_digits, n.density,
                                       n.density * (0.3989 / 0.39894228));
    return dy * PIXELGRAD_MUTANT(gelu_backward_without_density, n.distribution + x * density,
                                 n.distribution);
  }
};

/// x (1 + tanh(u)) / 2, u = sqrt(2 / pi) (x + 0.044715 x^3); (1 + tanh(u)) / 2 is logistic(2 u).
template <class V>
struct GeluTanh {
  static constexpr double twice_root = 1.59576912160573071176, cubic = 0.044715;
  PIXELGRAD_FORMULA V forward(V x) const {
    return x * logistic(twice_root * x * (1 + cubic * x * x));
  }
  PIXELGRAD_FORMULA V backward(V x, V dy) const {
    const double c = PIXELGRAD_MUTANT(gelu_tanh_backward_in_three_digits, cubic, 0.0447);
    const V s = logistic(twice_root * x * (1 + c * x * x));
    const V slope =
        twice_root * (1 + PIXELGRAD_MUTANT(gelu_tanh_backward_power_rule, 3, 1) * cubic * x * x);
    return dy * (s + x * s * (1 - s) * slope);
  }
};

template <class V>
struct Silu {
  PIXELGRAD_FORMULA V forward(V x) const { return x * logistic(x); }
  PIXELGRAD_FORMULA V backward(V x, V dy) const {
    const V s = logistic(x);
    return dy * s * (1 + x * PIXELGRAD_MUTANT(silu_backward_product_rule, 1 - s, s));
  }
};

/// x min(max(x + 3, 0), 6) / 6
template <class V>
struct HardSwish {
  PIXELGRAD_FORMULA V forward(V x) const {
    return select(x <= -3, 0, select(x < 3, x * (x + 3) / 6, x));
  }
  PIXELGRAD_FORMULA V backward(V x, V dy) const {
    const V middle = dy * (x / PIXELGRAD_MUTANT(hard_swish_backward_slope, 3, 6) + 0.5);
    return select(x <= -3, 0, select(x < 3, middle, dy));
  }
};

template <class V>
struct Sigmoid {
  PIXELGRAD_FORMULA V forward(V x) const { return logistic(x); }
  PIXELGRAD_FORMULA V backward(V y, V dy) const { return dy * y * (1 - y); }
};

template <class V>
struct Tanh {
  PIXELGRAD_FORMULA V forward(V x) const { return tanh(x); }
  PIXELGRAD_FORMULA V backward(V y, V dy) const {
    return dy * (1 - PIXELGRAD_MUTANT(tanh_backward_without_square, y * y, y));
  }
};

/// log(1 + exp(beta x)) / beta, and x itself where beta x > threshold.
template <class V>
struct Softplus {
  V beta, threshold;
  PIXELGRAD_FORMULA V forward(V x) const {
    const V z = beta * x;  // log(1 + exp(z)) = max(z, 0) + log(1 + exp(-|z|))
    const V soft = (select(z > 0, z, 0) + log1p(exp(-abs(z)))) / beta;
    return select(PIXELGRAD_MUTANT(softplus_threshold_without_beta, z, x) > threshold, x, soft);
  }
  PIXELGRAD_FORMULA V backward(V x, V dy) const {
    const V z = beta * x;
    return select(z > threshold, dy, dy * logistic(z));
  }
};

template <class V>
struct Exp {
  PIXELGRAD_FORMULA V forward(V x) const { return exp(x); }
  PIXELGRAD_FORMULA V backward(V y, V dy) const { return dy * y; }
};

template <class V>
struct Log {
  PIXELGRAD_FORMULA V forward(V x) const { return log(x); }
  PIXELGRAD_FORMULA V backward(V x, V dy) const { return dy / x; }
};

template <class V>
struct Sqrt {
  PIXELGRAD_FORMULA V forward(V x) const { return sqrt(x); }
  PIXELGRAD_FORMULA V backward(V y, V dy) const {
    return dy / (PIXELGRAD_MUTANT(sqrt_backward_without_half, 2, 1) * y);
  }
};

template <class V>
struct Abs {
  PIXELGRAD_FORMULA V forward(V x) const { return abs(x); }
  PIXELGRAD_FORMULA V backward(V x, V dy) const { return select(x > 0, dy, select(x < 0, -dy, 0)); }
};

template <class V>
struct Clamp {
  V lowest, highest;
  PIXELGRAD_FORMULA V forward(V x) const {
    return select(x < lowest, lowest, select(x > highest, highest, x));  // a NaN stays
  }
  PIXELGRAD_FORMULA V backward(V x, V dy) const {
    const V below =
        PIXELGRAD_MUTANT(clamp_backward_ignores_highest, select(x <= highest, dy, 0), dy);
    return select(x >= lowest, below, 0);
  }
};

/// x^exponent; its slope is 0 for the exponent 0, at x = 0 too.
template <class V>
struct Pow {
  V exponent;
  double value;  // of the exponent
  PIXELGRAD_FORMULA V forward(V x) const { return value == 2 ? x * x : pow(x, exponent); }
  PIXELGRAD_FORMULA V backward(V x, V dy) const {
    if (value == 0) return 0;
    if (value == 2) return dy * 2 * x;
    return dy * exponent *
           pow(x, PIXELGRAD_MUTANT(pow_backward_keeps_the_exponent, exponent - 1, exponent));
  }
};

/// Calls f with the formula of `op`.
template <class V, class F>
void with_formula(UnaryOp op, const UnaryParameters& p, const F& f) {
  switch (op) {
    case UnaryOp::relu:
      return f(Relu<V>{});
    case UnaryOp::leaky_relu:
      return f(LeakyRelu<V>{V(p.first)});
    case UnaryOp::elu:
      return f(Elu<V>{V(p.first)});
    case UnaryOp::gelu:
      return f(Gelu<V>{});
    case UnaryOp::gelu_tanh:
      return f(GeluTanh<V>{});
    case UnaryOp::silu:
      return f(Silu<V>{});
    case UnaryOp::hard_swish:
      return f(HardSwish<V>{});
    case UnaryOp::sigmoid:
      return f(Sigmoid<V>{});
    case UnaryOp::tanh:
      return f(Tanh<V>{});
    case UnaryOp::softplus:
      return f(Softplus<V>{V(p.first), V(p.second)});
    case UnaryOp::exp:
      return f(Exp<V>{});
    case UnaryOp::log:
      return f(Log<V>{});
    case UnaryOp::sqrt:
      return f(Sqrt<V>{});
    case UnaryOp::abs:
      return f(Abs<V>{});
    case UnaryOp::clamp:
      return f(Clamp<V>{V(p.first), V(p.second)});
    case UnaryOp::pow:
      return f(Pow<V>{V(p.first), p.first});
  }
}

#endif
