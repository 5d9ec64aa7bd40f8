#include "models/torch_file.h"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "models/pickle.h"
#include "models/strided_reader.h"
#include "models/zip_reader.h"

namespace pixelgrad {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view zip_magic = "PK\3\4";
/// The pickle of 0x1950a86a20f9469cfc6c, with which the older form begins.
constexpr std::string_view legacy_magic =
    "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e"sv;
constexpr int64_t legacy_protocol = 1001;
constexpr uint64_t slack_bytes = uint64_t{16} << 20;
constexpr size_t max_tensors = 16384, max_depth = 4;

/// What both forms have in common: a pickle that describes the tensors.
class TorchFile : public WeightFile {
 public:
  Tensor read(size_t index) final {
    const WeightEntry& e = entries_.at(index);
    try {
      return read_tensor(pickle_.tensors[e.place]);
    } catch (const CheckpointError& error) {
      throw CheckpointError(str(error.what(), " (tensor ", quote_name(e.name), ")"));
    }
  }

 protected:
  TorchFile(const std::filesystem::path& path, const char* format)
      : WeightFile(path, format), file_(path, "torch") {}

  virtual Tensor read_tensor(const TorchTensor& tensor) = 0;

  /// Finds the dictionary of tensors in the pickle and lists them.
  void list_tensors() {
    PickleRef dict = pickle_.top;
    for (size_t depth = 0; !holds_tensors(dict); ++depth) {
      const auto* items = pickle_.get<PickleDict>(dict);
      if (!items)
        file_.fail("holds ", kind_of(pickle_.values[dict]),
                   ", expected a dictionary of tensors by name");
      if (depth == max_depth)
        file_.fail("its dictionaries are nested more than ", max_depth, " deep");
      const auto& [key, value] = inner_dictionary(*items);
      unwrapped_.push_back(*pickle_.get<std::string>(key));
      dict = value;
    }
    std::unordered_set<std::string_view> names;
    uint64_t bytes = 0;
    for (const auto& [key, value] : pickle_.get<PickleDict>(dict)->items) {
      const auto* name = pickle_.get<std::string>(key);
      const auto* tensor = pickle_.get<PickleTensor>(value);
      if (!tensor) continue;  // a count of steps, an option
      file_.require(name != nullptr, "a tensor is called by ", kind_of(pickle_.values[key]),
                    ", expected a text");
      file_.require(names.insert(*name).second, "name ", quote_name(*name), " appears twice");
      file_.require(entries_.size() < max_tensors, "more than ", max_tensors, " tensors");
      const TorchTensor& t = pickle_.tensors[tensor->index];
      const TorchStorage& storage = pickle_.storages[t.storage];
      file_.require(can_read_in_order(t), "tensor ", quote_name(*name), " of shape ", t.shape,
                    ": its elements overlap in the storage");
      entries_.push_back({*name, storage.type, t.shape, tensor->index});
      uint64_t elements = 1;
      for (const int64_t size : t.shape) elements *= static_cast<uint64_t>(size);
      bytes += elements * size_of(dtype_in_memory(storage.type));  // of each at most 2^63
      file_.require(bytes <= 2 * file_.size() + slack_bytes, "tensors of ", bytes,
                    " bytes or more in a file of ", file_.size(), ", expected at most ",
                    2 * file_.size() + slack_bytes);
    }
    file_.require(!entries_.empty(), "holds no tensors");
  }

  InputFile file_;
  Pickle pickle_;

 private:
  bool holds_tensors(PickleRef ref) const {
    const auto* dict = pickle_.get<PickleDict>(ref);
    return dict && std::any_of(dict->items.begin(), dict->items.end(), [&](const auto& item) {
             return pickle_.get<PickleTensor>(item.second) != nullptr;
           });
  }

  /// The item of a dictionary without tensors that leads to them.
  const std::pair<PickleRef, PickleRef>& inner_dictionary(const PickleDict& dict) const {
    constexpr std::array<std::string_view, 6> usual = {
        "state_dict", "model_state_dict", "model_state", "model", "net", "weights"};
    const std::pair<PickleRef, PickleRef>* found = nullptr;
    size_t rank = usual.size() + 1, of_that_rank = 0;
    std::string candidates;
    for (const auto& item : dict.items) {
      const auto* key = pickle_.get<std::string>(item.first);
      if (!key || !pickle_.get<PickleDict>(item.second)) continue;
      const auto at =
          static_cast<size_t>(std::find(usual.begin(), usual.end(), *key) - usual.begin());
      if (at == usual.size() && !holds_tensors(item.second)) continue;
      if (candidates.size() < 200)
        candidates += (candidates.empty() ? "" : ", ") + quote_name(*key);
      of_that_rank = at < rank ? 1 : of_that_rank + (at == rank);
      if (at < rank) {
        rank = at;
        found = &item;
      }
    }
    file_.require(found, "holds no dictionary of tensors");
    file_.require(of_that_rank == 1, "several dictionaries of tensors (", candidates,
                  "), expected one, or one called \"state_dict\" or \"model\"");
    return *found;
  }
};

class TorchZipFile : public TorchFile {
 public:
  explicit TorchZipFile(const std::filesystem::path& path)
      : TorchFile(path, "PyTorch zip"), zip_(file_) {
    constexpr std::string_view pickle_name = "/data.pkl";
    std::string root;
    for (const ZipEntry& e : zip_.entries()) {
      if (!e.name.ends_with(pickle_name)) continue;
      file_.require(root.empty(), "two entries called data.pkl: ", quote_name(root), " and ",
                    quote_name(e.name));
      root = e.name.substr(0, e.name.size() - pickle_name.size() + 1);
    }
    file_.require(!root.empty(), "a zip archive without data.pkl; torch.save makes one");
    file_.require(
        !zip_.find(root + "constants.pkl"),
        "a TorchScript archive, which holds code; save model.state_dict() with torch.save");
    if (ZipEntry* order = zip_.find(root + "byteorder")) {
      const std::string text = zip_.read(*order, 16);
      file_.require(text == "little", "byte order ", quote_name(text), ", expected \"little\"");
    }
    {
      const std::string text = zip_.read(*zip_.find(root + "data.pkl"), max_pickle_bytes);
      pickle_ = run_pickle(text, file_, "data.pkl");
      file_.require(pickle_.bytes == text.size(), "data.pkl has ", text.size() - pickle_.bytes,
                    " bytes after its end");
    }
    for (const TorchStorage& s : pickle_.storages) {
      ZipEntry* entry = zip_.find(root + "data/" + s.key);
      file_.require(entry, "no zip entry ", quote_name(root + "data/" + s.key), " for a storage");
      file_.require(entry->bytes == s.elements * size_of(s.type), "storage ", quote_name(s.key),
                    " has ", entry->bytes, " bytes, expected ", s.elements * size_of(s.type),
                    " for ", s.elements, " ", name_of(s.type));
      storages_.push_back(entry);
    }
    list_tensors();
  }

 protected:
  Tensor read_tensor(const TorchTensor& t) override {
    ZipEntry& entry = *storages_[t.storage];
    const TorchStorage& s = pickle_.storages[t.storage];
    if (!entry.deflated) {
      zip_.verify_stored(entry);
      return read_strided(t, s.type, s.elements, [&](uint64_t at, std::byte* to, size_t bytes) {
        file_.read_at(entry.data_begin + at, to, bytes);
      });
    }
    // Tensors that share a packed storage unpack it each; that must not go on forever.
    unpacked_ += entry.bytes;
    file_.require(unpacked_ <= 16 * (file_.size() + slack_bytes), "unpacks more than ",
                  16 * (file_.size() + slack_bytes), " bytes");
    Inflater inflater(file_, entry, zip_.has_checksums());
    uint64_t position = 0;
    std::vector<std::byte> skipped(1 << 16);
    const auto skip_to = [&](uint64_t offset) {
      while (position < offset) {
        const size_t piece = std::min<uint64_t>(offset - position, skipped.size());
        inflater.read(skipped.data(), piece);
        position += piece;
      }
    };
    Tensor out = read_strided(t, s.type, s.elements, [&](uint64_t at, std::byte* to, size_t bytes) {
      skip_to(at);
      inflater.read(to, bytes);
      position += bytes;
    });
    skip_to(entry.bytes);  // for the CRC
    return out;
  }

 private:
  ZipReader zip_;
  std::vector<ZipEntry*> storages_;  // as in the pickle
  uint64_t unpacked_ = 0;
};

class TorchLegacyFile : public TorchFile {
 public:
  explicit TorchLegacyFile(const std::filesystem::path& path) : TorchFile(path, "PyTorch legacy") {
    uint64_t at = legacy_magic.size();
    const Pickle protocol = next_pickle(at, "the protocol version");
    const auto* version = protocol.get<int64_t>(protocol.top);
    file_.require(version && *version == legacy_protocol, "protocol version ",
                  version ? str(*version) : std::string(kind_of(protocol.values[protocol.top])),
                  ", expected ", legacy_protocol);
    check_byte_order(next_pickle(at, "the system's description"));
    pickle_ = next_pickle(at, "the object");
    list_tensors();
    const Pickle keys = next_pickle(at, "the list of storages");
    find_storages(keys, at);
  }

 protected:
  Tensor read_tensor(const TorchTensor& t) override {
    const TorchStorage& s = pickle_.storages[t.storage];
    const uint64_t begin = data_begin_[t.storage];
    return read_strided(t, s.type, s.elements, [&](uint64_t at, std::byte* to, size_t bytes) {
      file_.read_at(begin + at, to, bytes);
    });
  }

 private:
  Pickle next_pickle(uint64_t& at, const char* what) {
    std::string text(std::min(max_pickle_bytes, file_.size() - at), '\0');
    file_.read_at(at, text.data(), text.size());
    Pickle pickle = run_pickle(text, file_, what, at);
    at += pickle.bytes;
    return pickle;
  }

  void check_byte_order(const Pickle& system) const {
    const auto* dict = system.get<PickleDict>(system.top);
    file_.require(dict, "the system's description is ", kind_of(system.values[system.top]));
    for (const auto& [key, value] : dict->items) {
      const auto* name = system.get<std::string>(key);
      const auto* little = system.get<bool>(value);
      if (name && *name == "little_endian")
        file_.require(little && *little, "big-endian values, expected little-endian");
    }
  }

  /// Behind the list of keys follow, in its order, for each storage the number of its elements as 8
  /// bytes, and the elements.
  void find_storages(const Pickle& keys, uint64_t at) {
    const auto* list = keys.get<PickleList>(keys.top);
    file_.require(list, "the list of storages is ", kind_of(keys.values[keys.top]));
    std::unordered_map<std::string_view, size_t> by_key;
    for (size_t i = 0; i < pickle_.storages.size(); ++i) by_key.emplace(pickle_.storages[i].key, i);
    constexpr uint64_t missing = 0;
    data_begin_.assign(pickle_.storages.size(), missing);
    for (const PickleRef ref : list->items) {
      const auto* key = keys.get<std::string>(ref);
      file_.require(key, "the key of a storage is ", kind_of(keys.values[ref]));
      const auto found = by_key.find(*key);
      file_.require(found != by_key.end(), "storage ", quote_name(*key), ", which no tensor uses");
      const TorchStorage& s = pickle_.storages[found->second];
      uint64_t& begin = data_begin_[found->second];
      file_.require(begin == missing, "storage ", quote_name(*key), " appears twice");
      uint64_t elements = 0;
      file_.read_at(at, &elements, sizeof elements);
      file_.require(elements == s.elements, "storage ", quote_name(*key), " has ", elements,
                    " elements, expected ", s.elements);
      begin = at + sizeof elements;
      const uint64_t bytes = elements * size_of(s.type);
      file_.require(bytes <= file_.size() - begin, "storage ", quote_name(*key), " has ", bytes,
                    " bytes at ", begin, " of a file of ", file_.size(), ": it was cut off");
      at = begin + bytes;
    }
    for (size_t i = 0; i < data_begin_.size(); ++i)
      file_.require(data_begin_[i] != missing, "no values for storage ",
                    quote_name(pickle_.storages[i].key));
    file_.require(at == file_.size(), file_.size() - at, " bytes after the last storage");
  }

  std::vector<uint64_t> data_begin_;  // of the storages
};

}  // namespace

bool is_torch_file(std::string_view head) {
  return head.starts_with(zip_magic) || head.starts_with(legacy_magic);
}

std::unique_ptr<WeightFile> open_torch_file(const std::filesystem::path& path) {
  std::array<char, 4> head{};
  InputFile(path, "torch").read_at(0, head.data(), head.size());
  if (std::string_view(head.data(), head.size()) == zip_magic)
    return std::make_unique<TorchZipFile>(path);
  return std::make_unique<TorchLegacyFile>(path);
}

}  // namespace pixelgrad
