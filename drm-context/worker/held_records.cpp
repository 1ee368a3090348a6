#include "drm-context/worker/held_records.h"

#include <algorithm>

#include "drm-context/worker/record_fields.h"

namespace viaduct {

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

bool HeldRecords::changes_resource(ResourceId res_id) const {
    return std::ranges::any_of(records_, [res_id](const Held& record) {
        return viaduct::changes_resource(record.type) &&
               resource_of(record.type, record.payload) == res_id;
    });
}

}  // namespace viaduct
