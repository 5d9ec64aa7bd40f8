#include "models/torch_writer.h"

#include <zlib.h>

#include <cstring>
#include <unordered_set>

#include "models/input_file.h"
#include "tensor/atomic_file.h"

namespace pixelgrad {
namespace {

constexpr size_t alignment = 64;  // of values, as torch.save has it
constexpr uint32_t max_bytes = 0xFFFFFFFF, max_entries = 0xFFFF;

template <class T>
std::string le(T value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

std::string pickled(const std::string& text) {
  return 'X' + le(static_cast<uint32_t>(text.size())) + text;
}
std::string pickled(int64_t value) { return std::string("\x8a\x08") + le(value); }
std::string pickled(const Shape& values) {
  std::string all = "(";
  for (const int64_t v : values) all += pickled(v);
  return all + 't';
}

const char* storage_name(Dtype dtype) {
  switch (dtype) {
    case Dtype::f32:
      return "FloatStorage";
    case Dtype::f64:
      return "DoubleStorage";
    case Dtype::u8:
      return "ByteStorage";
    case Dtype::i32:
      return "IntStorage";
    case Dtype::i64:
      return "LongStorage";
    case Dtype::bf16:
      break;  // stores activations, which are in no file
  }
  throw Error(str("[torch] cannot write a tensor of ", dtype, ", expected f32 or another type of ",
                  "parameters"));
}

/// What pickle.h reads: an OrderedDict of calls of _rebuild_tensor_v2. Storage i is tensor i's.
std::string make_pickle(const std::vector<NamedTensor>& tensors) {
  const std::string ordered_dict = "ccollections\nOrderedDict\n)R";
  std::string text = "\x80\x02" + ordered_dict + '(';
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i].tensor;
    Shape strides(t.shape().size(), 1);
    for (size_t d = strides.size(); d > 1; --d) strides[d - 2] = strides[d - 1] * t.shape()[d - 1];
    text += pickled(tensors[i].name) + "ctorch._utils\n_rebuild_tensor_v2\n((" +
            pickled("storage") + "ctorch\n" + storage_name(t.dtype()) + '\n' +
            pickled(std::to_string(i)) + pickled("cpu") + pickled(t.numel()) + "tQ" +
            pickled(int64_t{0}) + pickled(t.shape()) + pickled(strides) + '\x89' + ordered_dict +
            "tR";
  }
  return text + "u.";
}

/// A zip archive of stored entries, as APPNOTE 6.3.10 has it.
class ZipWriter {
 public:
  explicit ZipWriter(AtomicFile& file, const std::string& path) : file_(file), path_(path) {}

  void add(const std::string& name, const void* data, size_t bytes) {
    check<CheckpointError>(written_ + bytes + directory_.size() < max_bytes && count_ < max_entries,
                           "[torch] ", path_, ": 4 GiB or ", max_entries,
                           " tensors and more; write safetensors");
    const auto crc = static_cast<uint32_t>(
        crc32_z(crc32(0, nullptr, 0), static_cast<const unsigned char*>(data), bytes));
    const std::string fields = le<uint16_t>(0) + le<uint16_t>(0) + le<uint16_t>(0) +
                               le<uint16_t>(33) +  // flags, stored, 1980-01-01
                               le(crc) + le(static_cast<uint32_t>(bytes)) +
                               le(static_cast<uint32_t>(bytes)) +
                               le(static_cast<uint16_t>(name.size()));
    // An extra field fills up to where the values may begin.
    const size_t begin = written_ + 4 + 2 + fields.size() + 2 + name.size() + 4;
    const auto padding = static_cast<uint16_t>((alignment - begin % alignment) % alignment);
    directory_ += "PK\1\2" + le<uint16_t>(20) + le<uint16_t>(20) + fields + le<uint16_t>(0) +
                  le<uint16_t>(0) + le<uint16_t>(0) + le<uint16_t>(0) + le<uint32_t>(0) +
                  le(static_cast<uint32_t>(written_)) + name;
    put("PK\3\4" + le<uint16_t>(20) + fields + le(static_cast<uint16_t>(padding + 4)) + name +
        "FB" + le(padding) + std::string(padding, 'Z'));
    file_.write(data, bytes);
    written_ += bytes;
    ++count_;
  }

  void finish() {
    const auto begin = static_cast<uint32_t>(written_);
    const std::string counts =
        le(static_cast<uint16_t>(count_)) + le(static_cast<uint16_t>(count_));
    put(directory_ + "PK\5\6" + le<uint32_t>(0) + counts +
        le(static_cast<uint32_t>(directory_.size())) + le(begin) + le<uint16_t>(0));
  }

 private:
  void put(const std::string& text) {
    file_.write(text);
    written_ += text.size();
  }

  AtomicFile& file_;
  const std::string path_;
  std::string directory_;
  size_t written_ = 0, count_ = 0;
};

}  // namespace

void write_torch_file(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors) {
  std::vector<NamedTensor> values;
  std::unordered_set<std::string> names;
  for (const auto& [name, tensor] : tensors) {
    check<CheckpointError>(tensor.defined() && names.insert(name).second, "[torch] ", path.string(),
                           ": tensor ", quote_name(name),
                           ": it is undefined, or the name is taken");
    values.push_back({name, tensor.to(Device::cpu)});
  }
  write_file_atomically(path, [&](AtomicFile& file) {
    ZipWriter zip(file, path.string());
    const auto add = [&](const std::string& name, const std::string& text) {
      zip.add("archive/" + name, text.data(), text.size());
    };
    add("data.pkl", make_pickle(values));
    add("byteorder", "little");
    for (size_t i = 0; i < values.size(); ++i)
      zip.add(str("archive/data/", i), values[i].tensor.raw(), values[i].tensor.bytes());
    add("version", "3\n");
    zip.finish();
  });
}

}  // namespace pixelgrad
