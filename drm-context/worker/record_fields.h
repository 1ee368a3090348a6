// The fields of a record that a worker needs before it executes the record.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/ids.h"
#include "drm-context/transport/messages.h"

namespace viaduct {

/// The payload as a T; bytes that are not there read as zero.
template <typename T>
T payload_as(std::span<const std::byte> payload) {
    T value{};
    std::memcpy(&value, payload.data(), std::min(sizeof(T), payload.size()));
    return value;
}

/// Of calls that have one, where it is the first field.
inline uint64_t cookie_of(std::span<const std::byte> payload) {
    return payload_as<uint64_t>(payload);
}

/// Calls that the VMM waits for, and that depend on no submission once their object is there.
inline bool is_blob_call(transport::RecordType type) {
    return type == transport::RecordType::kCreateBlob ||
           type == transport::RecordType::kMapSource ||
           type == transport::RecordType::kExportBlob ||
           type == transport::RecordType::kImageLayout;
}

/// The resource of a blob call, or of kAttach and kDetach.
inline ResourceId resource_of(transport::RecordType type, std::span<const std::byte> payload) {
    if (type == transport::RecordType::kCreateBlob)
        return ResourceId(payload_as<transport::CreateBlob>(payload).res_id);
    return ResourceId(payload_as<transport::ResourceCall>(payload).res_id);
}

/// True if the record attaches or detaches a resource.
inline bool changes_resource(transport::RecordType type) {
    return type == transport::RecordType::kAttach || type == transport::RecordType::kDetach;
}

}  // namespace viaduct
