#pragma once
#include <string>

namespace pixelgrad {

/// "pixelgrad 0.1.0 (commit 1234abc, g++ 12.2, AVX2)": what an error report needs.
std::string version_text();

}  // namespace pixelgrad
