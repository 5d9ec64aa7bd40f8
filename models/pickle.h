#pragma once
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "models/input_file.h"
#include "models/stored_type.h"
#include "tensor/shape.h"

// The part of Python's pickle format (protocol 2; PEP 307) that torch.save uses for dictionaries of
// tensors. A pickle is a program for a stack machine that may call any function of Python. This one
// knows the few names that stand for tensors, builds plain values from them, and runs nothing.
namespace pixelgrad {

/// A run of values that tensors look into.
struct TorchStorage {
  StoredType type = StoredType::f32;
  std::string key;  ///< name of its bytes in the file
  uint64_t elements = 0;
};

/// A view of a storage: element [i,j,...] lies at offset + i strides[0] + j strides[1] + ...
struct TorchTensor {
  size_t storage = 0;  ///< index into Pickle::storages
  uint64_t offset = 0;
  Shape shape;
  std::vector<uint64_t> strides;
};

/// Index into Pickle::values. Values refer to each other by index, so that one that contains itself
/// needs no care when it is freed.
using PickleRef = uint32_t;

struct PickleTuple {
  std::vector<PickleRef> items;
};
struct PickleList {
  std::vector<PickleRef> items;
};
struct PickleDict {
  std::vector<std::pair<PickleRef, PickleRef>> items;  ///< key, value
};
/// A name that a pickle may use.
enum class PickleName : uint8_t {
  ordered_dict,       ///< collections.OrderedDict
  rebuild_tensor,     ///< torch._utils._rebuild_tensor
  rebuild_tensor_v2,  ///< torch._utils._rebuild_tensor_v2
  rebuild_parameter,  ///< torch._utils._rebuild_parameter
  storage_type        ///< torch.FloatStorage and the like
};
struct PickleCallable {
  PickleName name;
  StoredType type;  ///< of storage_type
};
struct PickleStorage {
  size_t index;       ///< into Pickle::storages
  uint64_t first;     ///< element that a view of the storage begins with
  uint64_t elements;  ///< from there on
};
struct PickleTensor {
  size_t index;  ///< into Pickle::tensors
};

using PickleValue =
    std::variant<std::monostate, bool, int64_t, double, std::string, PickleTuple, PickleList,
                 PickleDict, PickleCallable, PickleStorage, PickleTensor>;

/// What a pickle made.
struct Pickle {
  std::deque<PickleValue> values;
  PickleRef top = 0;  ///< what it stands for
  std::vector<TorchStorage> storages;
  std::vector<TorchTensor> tensors;
  size_t bytes = 0;  ///< length, up to and including STOP

  template <class T>
  const T* get(PickleRef ref) const {
    return std::get_if<T>(&values[ref]);
  }
};

inline constexpr uint64_t max_pickle_bytes = uint64_t{3} << 20;

/// Runs the pickle that `text` begins with. `what` says in errors where the text stands and
/// `begin` at which byte of it. Throws CheckpointError for an opcode or a name that is not among
/// those allowed, for a program that is not sound, and for one that needs more than 7 MiB.
Pickle run_pickle(std::string_view text, const InputFile& file, const std::string& what,
                  uint64_t begin = 0);

/// "a dictionary", for messages.
std::string_view kind_of(const PickleValue& value);

}  // namespace pixelgrad
