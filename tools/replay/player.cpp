#include "tools/replay/player.h"

#include <array>

namespace viaduct::replay {

using recording::Record;
using recording::RecordType;

namespace {

// QEMU's and crosvm's, for native contexts alone.
constexpr int kInitFlags = VIRGL_RENDERER_THREAD_SYNC | VIRGL_RENDERER_ASYNC_FENCE_CB |
                           VIRGL_RENDERER_DRM | VIRGL_RENDERER_NO_VIRGL;
// After something did not come, the rest need not be waited for as long.
constexpr std::chrono::milliseconds kLatePatience{200};

}  // namespace

Result<std::unique_ptr<Player>> Player::create(const Library& library, PlayOptions options) {
    std::unique_ptr<Player> player(new Player(library, options));
    if (auto started = player->start(); !started) return tl::unexpected(started.error());
    return player;
}

Player::~Player() {
    if (initialised_) library_.virgl_renderer_cleanup(this);
}

Status Player::start() {
    callbacks_.version = VIRGL_RENDERER_CALLBACKS_VERSION;
    callbacks_.write_fence = [](void*, uint32_t) {};
    callbacks_.write_context_fence = [](void* cookie, uint32_t ctx, uint32_t ring, uint64_t id) {
        static_cast<Player*>(cookie)->retired_.add({ctx, ring, id});
    };
    if (const int code = library_.virgl_renderer_init(this, kInitFlags, &callbacks_); code != 0)
        return fail(ENODEV, "{}: virgl_renderer_init returns {}", library_.path, code);
    initialised_ = true;
    uint32_t version = 0;
    uint32_t size = 0;
    library_.virgl_renderer_get_cap_set(wire::kCapsetDrm, &version, &size);
    if (size != sizeof(capset_))
        return fail(ENODEV, "{} has no GPU for native contexts: capability set 6 has {} bytes",
                    library_.path, size);
    library_.virgl_renderer_fill_caps(wire::kCapsetDrm, 0, &capset_);
    return {};
}

Result<Report> Player::play(recording::RecordingReader& reader) {
    report_ = {};
    number_ = guest_bytes_ = 0;
    ended_ = late_ = false;
    Status status;
    while (status) {
        auto record = reader.next();
        if (!record) {
            status = tl::unexpected(record.error());
        } else if (!*record) {
            break;
        } else {
            number_ = (*record)->number;
            status = step(**record);
        }
    }
    finish();
    if (!status) return tl::unexpected(status.error());
    if (!ended_)
        report_.notes.emplace_back(
            "the recording has no last record: its monitor exited without a call, as QEMU does, "
            "was "
            "killed, or still runs");
    return std::move(report_);
}

Status Player::step(const Record& record) {
    // By RecordType, from 1.
    using Step = Status (Player::*)(const Record&);
    static constexpr std::array<Step, 16> kSteps = {
        &Player::host,   &Player::context, &Player::context_end, &Player::blob,
        &Player::unref,  &Player::attach,  &Player::detach,      &Player::map,
        &Player::memory, &Player::submit,  &Player::fence,       &Player::retired,
        &Player::answer, &Player::refused, &Player::reset,       &Player::end};
    if (ended_) return fail(EINVAL, "record {} is behind the last one", record.number);
    return (this->*kSteps[static_cast<size_t>(record.type) - 1])(record);
}

// The next run finds the library as the first one did.
void Player::finish() {
    note_unexpected();
    drop_all();
    judge_unexplained();
    library_.virgl_renderer_reset();
    retired_.clear();
    failures_.clear();
}

std::chrono::milliseconds Player::patience() const {
    return late_ ? std::min(kLatePatience, options_.patience) : options_.patience;
}

Status Player::host(const Record& record) {
    const auto host = record.as<recording::Host>();
    const auto tail = record.behind<recording::Host>();
    if (uint64_t{host.name_bytes} + host.capset_bytes != tail.size() ||
        host.capset_bytes != sizeof(capset_))
        return fail(EINVAL, "record {} does not describe a GPU", record.number);
    wire::CapsetDrm recorded;
    std::memcpy(&recorded, tail.data() + host.name_bytes, sizeof(recorded));
    if (recorded.context_type != capset_.context_type)
        return fail(EINVAL,
                    "the recording is of context type {}, and this GPU has type {}: use another "
                    "--gpu",
                    static_cast<uint32_t>(recorded.context_type),
                    static_cast<uint32_t>(capset_.context_type));
    if (std::memcmp(&recorded, &capset_, sizeof(recorded)) != 0)
        report_.notes.emplace_back("the recording's GPU describes itself otherwise than this one");
    return {};
}

Status Player::context(const Record& record) {
    const auto created = record.as<recording::ContextCreated>();
    const auto tail = record.behind<recording::ContextCreated>();
    const std::string name(reinterpret_cast<const char*>(tail.data()), tail.size());
    if (contexts_.contains(created.ctx_id))
        return fail(EINVAL, "record {}: context {} exists", record.number, created.ctx_id);
    const int code = library_.virgl_renderer_context_create_with_flags(
        created.ctx_id, wire::kCapsetDrm, static_cast<uint32_t>(name.size()), name.c_str());
    if (code != 0)
        return fail(EIO, "record {}: context {} cannot be created: the library returns {}",
                    record.number, created.ctx_id, code);
    contexts_[created.ctx_id] = true;
    ++report_.contexts;
    return {};
}

Status Player::context_end(const Record& record) {
    const auto destroyed = record.as<recording::ContextDestroyed>();
    library_.virgl_renderer_context_destroy(destroyed.ctx_id);
    contexts_.erase(destroyed.ctx_id);
    return {};
}

Status Player::submit(const Record& record) {
    const auto submitted = record.as<recording::Submitted>();
    const auto tail = record.behind<recording::Submitted>();
    const uint64_t ids_size = uint64_t{submitted.in_fences} * sizeof(uint64_t);
    if (ids_size > tail.size() || (tail.size() - ids_size) % sizeof(uint32_t) != 0)
        return fail(EINVAL, "record {} is not a submission", record.number);
    std::vector<uint64_t> ids(submitted.in_fences);
    if (ids_size != 0) std::memcpy(ids.data(), tail.data(), ids_size);
    const auto commands = tail.subspan(static_cast<size_t>(ids_size));
    std::vector<uint32_t> words(commands.size() / sizeof(uint32_t));
    if (!commands.empty()) std::memcpy(words.data(), commands.data(), commands.size());
    const auto ctx_id = static_cast<int>(submitted.ctx_id);
    const auto count = static_cast<int>(words.size());
    const int code = ids.empty()
                         ? library_.virgl_renderer_submit_cmd(words.data(), ctx_id, count)
                         : library_.virgl_renderer_submit_cmd2(words.data(), ctx_id, count,
                                                               ids.data(), submitted.in_fences);
    returned({RecordType::kSubmit, submitted.ctx_id}, code);
    ++report_.submissions;
    return {};
}

Status Player::fence(const Record& record) {
    const auto created = record.as<recording::FenceCreated>();
    // Not mergeable: each one is reported.
    const int code = library_.virgl_renderer_context_create_fence(
        created.ctx_id, 0, created.ring_idx, created.fence_id);
    returned({RecordType::kFence, created.ctx_id}, -code);
    ++report_.fences;
    return {};
}

Status Player::retired(const Record& record) {
    const auto fence = record.as<recording::FenceRetired>();
    if (retired_.take({fence.ctx_id, fence.ring_idx, fence.fence_id}, patience())) return {};
    late_ = true;
    differ("fence {} of context {} on ring {} has not retired in time", fence.fence_id,
           fence.ctx_id, fence.ring_idx);
    return {};
}

// A call of the replay has returned. The recording tells of an error right after the call.
void Player::returned(Call call, int error) {
    if (const auto found = failures_.find(call); found != failures_.end()) {
        differ("{} {} was refused with error {} in the replay alone", name_of(call.first),
               call.second, found->second);
        failures_.erase(found);
    }
    if (error != 0) failures_[call] = error;
}

void Player::note_unexpected() {
    for (const auto& [call, error] : failures_)
        differ("{} {} was refused with error {} in the replay alone", name_of(call.first),
               call.second, error);
}

// A GPU that does nothing at all leaves every result unexplained.
void Player::judge_unexplained() {
    constexpr uint64_t kOneIn = 4;
    if (report_.unexplained_bytes * kOneIn <= report_.compared_bytes) return;
    ++report_.different_buffers;
    report_.add_difference(
        fmt::format("{} bytes of {} that changed while the GPU worked were not written by this "
                    "GPU: too many for the guest's processor",
                    report_.unexplained_bytes, report_.compared_bytes));
}

Status Player::refused(const Record& record) {
    const auto refused = record.as<recording::Refused>();
    const auto found = failures_.find({refused.call, refused.id});
    const int error = refused.error < 0 ? -refused.error : refused.error;
    if (found == failures_.end())
        differ("{} {} was refused with error {} in the recording alone", name_of(refused.call),
               refused.id, error);
    else if (found->second != error)
        differ("{} {} was refused with error {}, and with {} in the recording",
               name_of(refused.call), refused.id, found->second, error);
    if (found != failures_.end()) failures_.erase(found);
    return {};
}

Status Player::reset(const Record&) {
    drop_all();
    library_.virgl_renderer_reset();
    retired_.clear();
    return {};
}

Status Player::end(const Record& record) {
    ended_ = true;
    if (record.as<recording::End>().reason == recording::EndReason::kTooLarge)
        report_.notes.emplace_back("the recording ends early: it had reached its limit");
    return {};
}

}  // namespace viaduct::replay
