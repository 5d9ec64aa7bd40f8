#include "data/palette.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>

#include "data/file_io.h"
#include "tensor/check.h"

namespace pixelgrad {
namespace {

std::string text_of(Rgb c) { return str(int{c[0]}, " ", int{c[1]}, " ", int{c[2]}); }

uint32_t packed(Rgb c) { return uint32_t{c[0]} << 16 | uint32_t{c[1]} << 8 | c[2]; }

Rgb pixel(const Image& image, int64_t i) {
  const auto at = static_cast<size_t>(3 * i);
  return {image.pixels[at], image.pixels[at + 1], image.pixels[at + 2]};
}

/// Ids of all pixels by `find`; runs of one colour, which masks are made of, are looked up once.
template <class Find>
LabelMap map_colors(const Image& image, Find find) {
  check<DataError>(image.channels == 3, "[palette] image has ", image.channels,
                   " channels, expected 3");
  LabelMap labels(image.height, image.width);
  Rgb last{};
  uint8_t id = 0;
  for (int64_t i = 0; i < image.height * image.width; ++i) {
    const Rgb color = pixel(image, i);
    if (i == 0 || color != last) id = find(color, i);
    last = color;
    labels.ids[static_cast<size_t>(i)] = id;
  }
  return labels;
}

constexpr std::string_view whitespace = " \t\r\v\f";

/// Cuts the first word off `line`; empty at its end.
std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(whitespace), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(whitespace));
  line.remove_prefix(word.size());
  return word;
}

/// The rest of `line`, its words joined by single spaces.
std::string rest_of(std::string_view line) {
  std::string rest;
  for (auto word = next_word(line); !word.empty(); word = next_word(line)) {
    if (!rest.empty()) rest += ' ';
    rest += word;
  }
  return rest;
}
}  // namespace

std::vector<Rgb> colors_of(std::span<const ClassInfo> classes) {
  std::vector<Rgb> colors;
  for (const ClassInfo& c : classes) colors.push_back(c.color);
  return colors;
}

std::vector<Rgb> default_colors(int64_t count) {
  check<UsageError>(count >= 0 && count <= 256, "[palette] ", count, " colours, expected 0 to 256");
  std::vector<Rgb> colors;
  for (int64_t id = 0; id < count; ++id) {
    Rgb color{};
    for (int64_t bits = id, shift = 7; bits > 0; bits >>= 3, --shift) {
      for (size_t c = 0; c < 3; ++c) {
        color[c] = static_cast<uint8_t>(color[c] | ((bits >> c) & 1) << shift);
      }
    }
    colors.push_back(color);
  }
  return colors;
}

std::vector<ClassInfo> default_classes(int64_t count) {
  std::vector<ClassInfo> classes;
  for (const Rgb& color : default_colors(count)) {
    classes.push_back({.name = std::to_string(classes.size()), .color = color});
  }
  return classes;
}

bool is_void_name(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  constexpr std::array<std::string_view, 5> names = {"void", "unlabeled", "unlabelled", "ignore",
                                                     "ignored"};
  return std::find(names.begin(), names.end(), lower) != names.end();
}

ColorTable::ColorTable(std::span<const ClassInfo> classes) {
  check<DataError>(classes.size() <= ignore_label, "[palette] ", classes.size(),
                   " classes, expected at most ", int{ignore_label});
  for (size_t i = 0; i < classes.size(); ++i) {
    const bool is_void = !classes[i].scored && is_void_name(classes[i].name);
    add(classes[i].color, is_void ? ignore_label : static_cast<uint8_t>(i));
  }
}

size_t ColorTable::slot_of(Rgb color) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = (packed(color) * 2654435769u >> 8) & mask;  // Fibonacci hashing
  while (slots_[slot] >= 0 && entries_[static_cast<size_t>(slots_[slot])].color != color) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

void ColorTable::add(Rgb color, uint8_t id) {
  if (const auto known = exact(color)) {
    check<DataError>(*known == id, "[palette] colour ", text_of(color), " means class ",
                     int{*known}, ", so it cannot mean class ", int{id});
    return;
  }
  entries_.push_back({color, id});
  if (entries_.size() * 4 > slots_.size()) {
    slots_.assign(std::max<size_t>(16, slots_.size() * 2), -1);
    for (size_t i = 0; i < entries_.size(); ++i) {
      slots_[slot_of(entries_[i].color)] = static_cast<int32_t>(i);
    }
  } else {
    slots_[slot_of(color)] = static_cast<int32_t>(entries_.size()) - 1;
  }
}

std::optional<uint8_t> ColorTable::exact(Rgb color) const {
  if (slots_.empty()) return std::nullopt;
  const int32_t entry = slots_[slot_of(color)];
  if (entry < 0) return std::nullopt;
  return entries_[static_cast<size_t>(entry)].id;
}

uint8_t ColorTable::nearest(Rgb color, double max_distance) const {
  int best = 3 * 255 * 255 + 1;
  uint8_t id = ignore_label;
  for (const Entry& entry : entries_) {
    int squared = 0;
    for (size_t c = 0; c < 3; ++c) {
      const int d = int{color[c]} - int{entry.color[c]};
      squared += d * d;
    }
    if (squared < best) {
      best = squared;
      id = entry.id;
    }
  }
  return best <= max_distance * max_distance ? id : ignore_label;
}

LabelMap ColorTable::exact(const Image& image, const std::string& file) const {
  return map_colors(image, [&](Rgb color, int64_t i) {
    const auto id = exact(color);
    check<DataError>(id.has_value(), "[palette] ", file, ": colour ", text_of(color), " at pixel (",
                     i % image.width, ", ", i / image.width, ") is none of the ", size(),
                     " class colours");
    return *id;
  });
}

std::vector<ClassInfo> read_label_colors(const std::filesystem::path& path) {
  constexpr int64_t max_bytes = 1 << 20;
  const std::vector<uint8_t> bytes = read_file(path, max_bytes);
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // byte order mark
  std::vector<ClassInfo> classes;
  std::set<Rgb> colors;
  std::set<std::string> names;
  for (int64_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find_first_of("\r\n"), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end);
    if (!text.empty()) text.remove_prefix(text.starts_with("\r\n") ? 2 : 1);
    std::string_view rest = line;
    const std::string_view first = next_word(rest);
    if (first.empty() || first.starts_with('#') || first.starts_with("//")) continue;

    ClassInfo c;
    for (uint8_t& component : c.color) {
      const std::string_view word = next_word(line);
      const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), component);
      check<DataError>(!word.empty() && error == std::errc{} && stop == word.data() + word.size(),
                       "[label_colors] ", path.string(), ":", number, ": '", word,
                       "' is not a colour value, expected `R G B name` with 0 to 255");
    }
    c.name = rest_of(line);
    check<DataError>(!c.name.empty(), "[label_colors] ", path.string(), ":", number,
                     ": no class name after ", text_of(c.color));
    check<DataError>(colors.insert(c.color).second, "[label_colors] ", path.string(), ":", number,
                     ": colour ", text_of(c.color), " of ", c.name, " was given before");
    check<DataError>(names.insert(c.name).second, "[label_colors] ", path.string(), ":", number,
                     ": class ", c.name, " was given before");
    c.scored = !is_void_name(c.name);
    classes.push_back(std::move(c));
  }
  check<DataError>(!classes.empty(), "[label_colors] ", path.string(), ": no classes");
  return classes;
}

void write_label_colors(const std::filesystem::path& path, std::span<const ClassInfo> classes) {
  std::string text;
  for (const ClassInfo& c : classes) text += text_of(c.color) + "\t" + c.name + "\n";
  write_file(path, text);
}

}  // namespace pixelgrad
