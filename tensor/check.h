#pragma once
#include <sstream>
#include <stdexcept>
#include <string>

#include "tensor/device.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace pixelgrad {

/// Base of every exception that the library throws on purpose. what() is one line that says what
/// was got and what was expected.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Bad input data: an image, a mask, a folder. Names the file, and the pixel and value where one is
/// at fault.
class DataError : public Error {
 public:
  using Error::Error;
};

/// A weight file or checkpoint that cannot be read or does not fit.
class CheckpointError : public Error {
 public:
  using Error::Error;
};

/// An option, flag or name that is not valid.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// A value that is not a finite number where one is due; names the op.
class NonFiniteError : public Error {
 public:
  using Error::Error;
};

/// The device has no room for an allocation; names the bytes.
class OutOfMemoryError : public Error {
 public:
  using Error::Error;
};

namespace detail {
inline void put(std::ostringstream& out, const Shape& s) { out << to_string(s); }
inline void put(std::ostringstream& out, Dtype t) { out << name_of(t); }
inline void put(std::ostringstream& out, Device d) { out << name_of(d); }
template <class T>
void put(std::ostringstream& out, const T& value) {
  out << value;
}
}  // namespace detail

/// The parts as one string; shapes print as [2,32,32,5], dtypes and devices by name.
template <class... Parts>
std::string str(const Parts&... parts) {
  std::ostringstream out;
  (detail::put(out, parts), ...);
  return out.str();
}

/// Throws E with the parts as its message unless `ok`. The parts are evaluated in any case, so they
/// must be valid when `ok` is true as well.
template <class E = Error, class... Parts>
void check(bool ok, const Parts&... parts) {
  if (!ok) throw E(str(parts...));
}

}  // namespace pixelgrad
