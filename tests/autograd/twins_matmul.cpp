#include "tests/autograd/twins.h"
#include "tests/reference/naive_matmul.h"

namespace pixelgrad {

Twins matmul_twins() {
  using Arrays = std::vector<naive::Array>;
  return {
      {"matmul",
       [](const Arrays& in, const std::any&) { return naive::matmul(in.front(), in.back()); }},
      {"linear",
       [](const Arrays& in, const std::any&) {
         return naive::linear(in[0], in[1], in.size() > 2 ? &in[2] : nullptr);
       }},
  };
}

}  // namespace pixelgrad
