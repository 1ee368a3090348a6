#include <algorithm>

#include "guest-mesa/layer/amdgpu/driver.h"
#include "guest-mesa/layer/debug.h"
#include "wire/amdgpu_info.h"

namespace viaduct::guest::amdgpu {

namespace {

/// The four argument words of INFO, which is a union in the header.
std::array<uint32_t, 4> argument_words(const drm_amdgpu_info& arg) {
    static_assert(sizeof(arg) == 32);
    std::array<uint32_t, 4> words;
    std::memcpy(words.data(), reinterpret_cast<const std::byte*>(&arg) + 16, sizeof(words));
    return words;
}

}  // namespace

InfoAnswer Driver::query_info(const Channel& channel, const InfoQuery& query, uint32_t size) {
    if (auto kept = info_cache_.find(query, size)) return *kept;

    auto request = make_request<wire::QueryInfoRequest>(wire::Command::kQueryInfo);
    request.return_size = size;
    request.query = query.query;
    std::copy(query.args.begin(), query.args.end(), request.args);
    std::vector<std::byte> response(sizeof(wire::Response) + size);
    if (const int error = stream().call(channel, {as_bytes(request), response}); error < 0)
        return {error, {}};

    wire::Response head;
    std::memcpy(&head, response.data(), sizeof(head));
    InfoAnswer answer{error_of(head.ret), {response.begin() + sizeof(head), response.end()}};
    wire::hide_fields(query.query, answer.bytes);
    info_cache_.keep(query, answer);
    return answer;
}

int Driver::info(const Channel& channel, drm_amdgpu_info& arg) {
    const InfoQuery query{arg.query, argument_words(arg)};
    IoctlNotes::add("query={:#x} args={:#x},{:#x} size={}", query.query, query.args[0],
                    query.args[1], arg.return_size);
    if (arg.return_size && !arg.return_pointer) return -EFAULT;
    if (wire::is_hidden_query(query.query)) return -EINVAL;
    // The kernel writes as much as it has; a caller with more room than the control buffer holds
    // (for a BIOS image) gets its beginning.
    const uint32_t room = stream().max_response() - static_cast<uint32_t>(sizeof(wire::Response));
    const uint32_t size = std::min(arg.return_size, room);
    const InfoAnswer answer = query_info(channel, query, size);
    if (answer.result == 0 && size)
        std::memcpy(reinterpret_cast<void*>(static_cast<uintptr_t>(arg.return_pointer)),
                    answer.bytes.data(), size);
    return answer.result;
}

}  // namespace viaduct::guest::amdgpu
