#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace pixelgrad {

/// `text` as HTML shows it: & < > " are written out.
std::string html_escaped(const std::string& text);

/// A number with so many digits behind the point; NaN and infinity are a dash.
std::string html_number(double value, int digits);

/// For a data: URI.
std::string base64(const std::vector<uint8_t>& bytes);

/// The style sheet of the pages that the program writes, which need no other file.
const char* page_style();

}  // namespace pixelgrad
