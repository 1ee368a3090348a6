// CONTEXT_INIT, and the context that a file gets without it.
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "tests/loopback/client/gpu_file.h"

namespace viaduct::loopback {

using namespace wire::virtgpu;

namespace {

constexpr uint32_t kMaxCapsetId = 63;  // virtgpu_drv.h: MAX_CAPSET_ID
constexpr uint32_t kMaxParams = 4;
constexpr size_t kThreadNameSize = 16;  // prctl(2), PR_GET_NAME

struct ContextParams {
    uint32_t capset_id = 0;
    uint32_t num_rings = 0;
    uint64_t poll_rings_mask = 0;
    std::string name;
    bool has_poll_rings = false;
};

/// Each parameter at most once; the kernel's checks.
int apply(const ContextSetParam& param, ContextParams& params) {
    switch (static_cast<ContextParam>(param.param)) {
        case ContextParam::kCapsetId:
            if (param.value > kMaxCapsetId || params.capset_id != 0) return -EINVAL;
            params.capset_id = static_cast<uint32_t>(param.value);
            return 0;
        case ContextParam::kNumRings:
            if (params.num_rings != 0 || param.value > kMaxRings) return -EINVAL;
            params.num_rings = static_cast<uint32_t>(param.value);
            return 0;
        case ContextParam::kPollRingsMask:
            if (params.has_poll_rings) return -EINVAL;
            params.has_poll_rings = true;
            params.poll_rings_mask = param.value;
            return 0;
        case ContextParam::kDebugName: {
            if (!params.name.empty()) return -EINVAL;
            const auto* text = reinterpret_cast<const char*>(param.value);
            if (!text) return -EFAULT;
            const size_t length = ::strnlen(text, kDebugNameSize);
            params.name.assign(text, std::min(length, kDebugNameSize - 1));
            return 0;
        }
    }
    return -EINVAL;
}

/// A mask may name only rings that exist.
bool names_only_rings(uint64_t mask, uint32_t num_rings) {
    return num_rings != 0 && (num_rings >= 64 || mask >> num_rings == 0);
}

std::string thread_name() {
    std::array<char, kThreadNameSize + 1> name{};
    ::prctl(PR_GET_NAME, name.data());
    return name.data();
}

}  // namespace

int GpuFile::on_context_init(void* argument) {
    const auto& request = *static_cast<ContextInit*>(argument);
    if (request.num_params > kMaxParams) return -EINVAL;
    if (request.num_params != 0 && request.ctx_set_params == 0) return -EFAULT;
    const std::span entries(reinterpret_cast<const ContextSetParam*>(request.ctx_set_params),
                            request.num_params);
    const std::lock_guard lock(context_mutex_);
    if (has_context_) return -EEXIST;
    ContextParams params;
    for (const ContextSetParam& param : entries) {
        if (const int status = apply(param, params); status != 0) return status;
        const bool names_capset = param.param == static_cast<uint64_t>(ContextParam::kCapsetId);
        if (names_capset && !has_capset(params.capset_id)) return -EINVAL;
    }
    if (params.has_poll_rings && !names_only_rings(params.poll_rings_mask, params.num_rings))
        return -EINVAL;
    num_rings_ = params.num_rings;
    poll_rings_mask_ = params.poll_rings_mask;
    return create_context(params.capset_id, params.name.empty() ? thread_name() : params.name);
}

int GpuFile::ensure_context() {
    const std::lock_guard lock(context_mutex_);
    if (context_elsewhere_) return -EIO;
    return has_context_ ? 0 : create_context(0, thread_name());
}

int GpuFile::create_context(uint32_t capset_id, std::string_view name) {
    CreateContext body{};
    body.capset_id = capset_id;
    body.name_length = static_cast<uint32_t>(std::min(name.size(), kDebugNameSize));
    std::memcpy(body.name.data(), name.data(), body.name_length);
    Packet packet = Packet::request(MessageType::kCreateContext);
    packet.set_body(body);
    if (!connection_->post(packet)) return -EIO;
    has_context_ = true;
    return 0;
}

}  // namespace viaduct::loopback
