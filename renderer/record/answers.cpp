#include "renderer/record/answers.h"

#include <algorithm>
#include <atomic>

#include "wire/ccmd.h"

namespace viaduct {

namespace {

// More are not followed: a guest that never reads its answers gets none recorded.
constexpr size_t kMostExpected = 4096;
constexpr uint32_t kMostRoom = 1 << 20;  // bytes

uint32_t word(std::span<const std::byte> control, uint64_t offset) {
    auto* const place = const_cast<std::byte*>(control.data() + offset);
    return std::atomic_ref(*reinterpret_cast<uint32_t*>(place)).load(std::memory_order_acquire);
}

bool has_answer(const DriverTraits& traits, const FramedRequest& request) {
    const CommandEntry* entry = traits.find(request.header.cmd);
    if (!entry) return false;
    std::vector<std::byte> none;
    return entry->response.measure ? entry->response.measure(Request(request.bytes, none)) != 0
                                   : entry->response.size != 0;
}

}  // namespace

void Answers::expect(std::span<const std::byte> control, std::span<const std::byte> commands,
                     const DriverTraits& traits, const Announced& announced) {
    if (control.size() < sizeof(wire::ShmemHeader)) return;
    FramedRequest request;
    while (take_request(commands, request)) {
        const wire::RequestHeader& header = request.header;
        if (!has_answer(traits, request) || header.rsp_off % sizeof(uint32_t) != 0) continue;
        const uint64_t offset = uint64_t{traits.area_offset()} + header.rsp_off;
        if (offset + sizeof(uint32_t) > control.size()) continue;
        const uint32_t length = word(control, offset);
        announced(offset, std::as_bytes(std::span(&length, 1)));
        const uint64_t room = std::min<uint64_t>({length, kMostRoom, control.size() - offset});
        const ResponseLayout& layout = traits.find(header.cmd)->response;
        std::vector<std::byte> none;
        if (layout.varies && layout.varies(Request(request.bytes, none))) continue;
        if (expected_.size() == kMostExpected) expected_.pop_front();
        const auto before = control.subspan(offset, room);
        expected_.push_back({header.seqno, header.cmd, offset, {before.begin(), before.end()}});
    }
}

void Answers::collect(std::span<const std::byte> control, const Answered& answered) {
    if (control.size() < sizeof(wire::ShmemHeader) || expected_.empty()) return;
    const uint32_t published = word(control, offsetof(wire::ShmemHeader, seqno));
    while (!expected_.empty() && static_cast<int32_t>(published - expected_.front().seqno) >= 0) {
        const Expected expected = std::move(expected_.front());
        expected_.pop_front();
        const auto place = control.subspan(expected.offset, expected.before.size());
        const std::vector<std::byte> now(place.begin(), place.end());
        if (now == expected.before || now.size() < sizeof(wire::ResponseHeader)) continue;
        const auto length = element<wire::ResponseHeader>(now, 0).len;
        const auto bytes = std::span(now).first(std::min<size_t>(length, now.size()));
        answered({expected.seqno, expected.command, expected.offset, bytes});
    }
}

}  // namespace viaduct
