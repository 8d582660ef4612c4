#include "format/xnnpack/constants.h"

#include "base/checked.h"
#include "format/flatbuffer.h"

namespace smelt {

Result<std::span<const std::byte>> XnnpackConstants::get(uint32_t index,
                                                         const FieldPath& index_path) const {
  if (length(graph_.constant_data()) == 0) {
    const auto* list = graph_.constant_buffer();
    if (index >= length(list))
      return index_path.invalid("is {}, but there are {} constants", index, length(list));
    const auto* storage = list->Get(index)->storage();
    if (storage == nullptr)
      return index_path.invalid("is {}, but constant_buffer[{}] has no bytes", index, index);
    return std::span(reinterpret_cast<const std::byte*>(storage->Data()), storage->size());
  }
  const auto* list = graph_.constant_data();
  if (index >= list->size())
    return index_path.invalid("is {}, but there are {} constants", index, list->size());
  const xnn::ConstantDataOffset& entry = *list->Get(index);
  if (const std::string_view key = view(entry.named_key()); !key.empty()) {
    const auto bytes = named_data_(key);
    if (!bytes) {
      return fail(ErrorCode::kNotFound,
                  "{} is {}, and constant_data[{}] names data that is missing: \"{}\"",
                  index_path.text(), index, index, key);
    }
    return *bytes;
  }
  if (!payload_.has_header) {
    return index_path.invalid(
        "is {}, and constant_data[{}] has an offset, but the payload has no header", index, index);
  }
  if (!range_fits(entry.offset(), entry.size(), payload_.constants.size())) {
    return index_path.invalid("is {}: constant_data[{}] has {} bytes at offset {} of {}", index,
                              index, entry.size(), entry.offset(), payload_.constants.size());
  }
  return payload_.constants.subspan(entry.offset(), entry.size());
}

}  // namespace smelt
