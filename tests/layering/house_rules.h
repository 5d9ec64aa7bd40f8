#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace pixelgrad::house {

/// The text with the contents of comments, strings and character literals blanked out; line breaks
/// stay, so that line numbers hold.
std::string code_only(std::string_view text);

/// What a source file breaks of the rules of the house, each as "path:line: what was found, what is
/// expected". `path` is relative to the root of the tree and decides which rules hold:
/// - a folder includes only folders below it, by the path from the root: tensor <- autograd <-
///   layers <- models, tensor <- optim, tensor <- data; apps, tests and bench may include all;
/// - a naive reference (tests/reference/) includes no kernel, so that it shares no mistake;
/// - a header has #pragma once (or is included once per SIMD target, Highway's way) and opens no
///   namespace;
/// - the library never prints, exits, aborts or asserts.
std::vector<std::string> broken_rules(std::string_view path, std::string_view text);

}  // namespace pixelgrad::house
