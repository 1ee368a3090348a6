#include "drm-context/worker/held_records.h"

#include <algorithm>
#include <cstring>

namespace viaduct {

using transport::RecordType;

void HeldRecords::push(Held record) {
    bytes_ += record.payload.size() + kEntryCost;
    if (record.descriptor) ++descriptors_;
    records_.push_back(std::move(record));
}

UniqueFd HeldRecords::take_descriptor() {
    UniqueFd& descriptor = records_.front().descriptor;
    if (descriptor) --descriptors_;
    return std::move(descriptor);
}

void HeldRecords::pop() {
    take_descriptor();
    bytes_ -= records_.front().payload.size() + kEntryCost;
    records_.pop_front();
}

bool HeldRecords::changes_resource(uint32_t res_id) const {
    return std::ranges::any_of(records_, [res_id](const Held& record) {
        if (record.type != RecordType::kDetach && record.type != RecordType::kAttach) return false;
        transport::ResourceCall call{};
        std::memcpy(&call, record.payload.data(), std::min(sizeof(call), record.payload.size()));
        return call.res_id == res_id;
    });
}

}  // namespace viaduct
