#include "tests/integration/driver/toy/toy_context.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/clock.h"
#include "blob/mapping.h"
#include "tests/integration/driver/toy_kernel.h"

namespace viaduct::toy {

namespace k = test::toy;
namespace w = wire::toy;

namespace {

using C = ToyContext;
template <Status (C::*method)(Request&)>
constexpr auto run = run_method<C, method>;

constexpr uint32_t kReturned = 1u << 31;  // in an ioctl's request: its argument comes back

constexpr uint32_t argument_size(uint32_t ioctl) {
    return _IOC_SIZE(ioctl);
}

uint64_t measure_simple(const Request& request) {
    const uint32_t ioctl = request.as<w::SimpleRequest>().ioctl;
    return sizeof(w::Response) + (ioctl & kReturned ? argument_size(ioctl) : 0);
}
uint64_t largest_simple(const Request&) {
    return sizeof(w::Response) + w::kMaxArgument;
}

constexpr ErrorForm kErrno = ErrorForm::kPositiveErrno;
constexpr ResponseLayout kNone = {};
constexpr ResponseLayout kAt4 = {sizeof(w::Response), {offsetof(w::Response, ret), kErrno}};
constexpr ResponseLayout kAt8 = {sizeof(w::ValueResponse),
                                 {offsetof(w::ValueResponse, ret), kErrno}};
constexpr ResponseLayout kMinusOneAt8 = {sizeof(w::ValueResponse),
                                         {offsetof(w::ValueResponse, ret), ErrorForm::kMinusOne}};
constexpr ResponseLayout kSimple = {kAt4.size, kAt4.result, measure_simple, largest_simple};

constexpr auto kSimpleIoctls =
    makes<k::kTwice0, k::kTwice1, k::kTwice2, k::kTwice3, k::kTwice4, k::kTaken0, k::kTaken1,
          k::kTaken2, k::kTaken3, k::kQueueNew, k::kQueueClose, k::kContextDestroy>;
static_assert(kSimpleIoctls.size() == 12);

constexpr RingField kEngine = {offsetof(w::ExecRequest, flags), w::kEngineMask, 1};
constexpr RingField kQueue = {.offset = offsetof(w::SubmitRequest, queue),
                              .names = RingField::Names::kQueue};
constexpr RingField kRing0 = {.mask = 0};

constexpr CommandEntry kCommands[] = {
    {},
    {"NOP", run<&C::nop>},
    {"IOCTL_SIMPLE", run<&C::ioctl_simple>, kSimple, kSimpleIoctls},
    {"GETPARAM", run<&C::get_param>, kAt8, makes<k::kGetParam>},
    {"GEM_CREATE", run<&C::gem_create>, kNone, makes<k::kGemCreate>, Role::kCreate},
    {"GEM_CREATE_EXT", run<&C::gem_create>, kNone, makes<k::kGemCreate>, Role::kCreate},
    {"CONTEXT_CREATE", run<&C::context_create>, kAt8, makes<k::kContextCreate>},
    {"EXECBUFFER", run<&C::execbuffer>, kAt4, makes<k::kExec>, Role::kSubmit, kEngine},
    {"MADVISE", run<&C::madvise>, kMinusOneAt8, makes<k::kMadvise>},
    {"QUEUE_SUBMIT", run<&C::queue_submit>, kNone, makes<k::kExec>, Role::kSubmit, kQueue},
    {"CPU_RING_SUBMIT", run<&C::cpu_ring_submit>, kNone, makes<k::kExec>, Role::kSubmit, kRing0},
    {"CRASH", run<&C::crash>},
};

constexpr DriverTraits kTraits = {
    .name = "toy",
    .commands = kCommands,
    .alignment = 4,
    .shmem_size = sizeof(w::Shmem),
    .loss = {LossField::Kind::kMask64, offsetof(w::Shmem, banned)},
    .ioctls = makes<k::kMmapOffset>,
};

}  // namespace

const DriverTraits& traits() {
    return kTraits;
}

Status fill_capset(Device&, wire::CapsetDrm& capset) {
    capset.wire_format_version = 1;
    capset.set_member(w::Capset{w::kEngines});
    return {};
}

ToyContext::ToyContext(std::unique_ptr<Device> device, std::unique_ptr<ContextAccount> account)
    : DriverContext(std::move(device), std::move(account), kTraits) {}

Status ToyContext::add_rings() {
    for (uint32_t number = 0; number <= w::kEngines; ++number) {
        const RingIndex ring(number);
        statistics().describe(ring, QueueClass::kGraphics, number);
        if (auto status = rings().add(ring); !status) return status;
    }
    return {};
}

std::optional<RingIndex> ToyContext::ring_of_queue(uint32_t queue) const {
    const auto found = queues_.find(queue);
    return found == queues_.end() ? std::nullopt : std::optional(found->second);
}

Status ToyContext::nop(Request&) {
    return {};
}

Status ToyContext::ioctl_simple(Request& request) {
    const auto wanted = request.as<w::SimpleRequest>();
    if (!std::ranges::count(kSimpleIoctls, wanted.ioctl))
        return fail(EINVAL, "ioctl {:#x} is not allowed for guests", wanted.ioctl);
    std::span<const std::byte> payload;
    const uint32_t size = argument_size(wanted.ioctl);
    if (request.size() != sizeof(wanted) + size || !request.payload(sizeof(wanted), size, &payload))
        return fail(EINVAL, "ioctl {:#x} with {} bytes", wanted.ioctl, request.size());
    alignas(8) std::array<std::byte, w::kMaxArgument> argument{};
    std::ranges::copy(payload, argument.begin());
    if (const int error = device().ioctl(wanted.ioctl, argument.data()); error < 0)
        return fail(-error, "ioctl {:#x} (errno {})", wanted.ioctl, -error);
    note_success(wanted.ioctl, std::span(argument).first(size));
    if (wanted.ioctl & kReturned)
        std::ranges::copy(std::span(argument).first(size),
                          request.response().subspan(sizeof(w::Response)).begin());
    return {};
}

void ToyContext::note_success(uint32_t ioctl, std::span<const std::byte> argument) {
    if (ioctl == k::kQueueNew) {
        const auto call = element<k::Pair>(argument, 0);
        queues_[static_cast<uint32_t>(call.out)] = RingIndex(static_cast<uint32_t>(call.in) + 1);
    }
    if (ioctl == k::kQueueClose)
        queues_.erase(static_cast<uint32_t>(element<k::One>(argument, 0).value));
    if (ioctl == k::kContextDestroy)
        watch().destroyed(static_cast<uint32_t>(element<k::One>(argument, 0).value));
}

Status ToyContext::get_param(Request& request) {
    k::GetParam call{request.as<w::GetParamRequest>().param, 0};
    if (const int error = device().ioctl(k::kGetParam, &call); error < 0)
        return fail(-error, "parameter {} (errno {})", call.param, -error);
    request.respond(w::ValueResponse{{}, 0, 0, call.value});
    return {};
}

Status ToyContext::gem_create(Request& request) {
    const auto wanted = request.as<w::CreateRequest>();
    if (auto status = objects().check_unclaimed(wanted.blob_id); !status) return status;
    k::Create call{round_up_to_page(wanted.size), 0, 0};
    if (const int error = device().ioctl(k::kGemCreate, &call); error < 0)
        return fail(-error, "{} bytes (errno {})", wanted.size, -error);
    return objects().add_unclaimed(wanted.blob_id, {GemReference(gem(), GemHandle(call.handle)),
                                                    call.size, MapCache::kWriteCombined});
}

Status ToyContext::context_create(Request& request) {
    k::One call{};
    if (const int error = device().ioctl(k::kContextCreate, &call); error < 0)
        return fail(-error, "no GPU context (errno {})", -error);
    const auto id = static_cast<uint32_t>(call.value);
    watch().created(id);
    request.respond(w::ValueResponse{{}, 0, 0, id});
    return {};
}

Status ToyContext::submit(RingIndex ring, uint32_t source, bool hangs) {
    const UniqueFd fence = in_fence().take();
    if (!rings().has(ring)) return fail(EINVAL, "this GPU has no ring {}", ring);
    const auto [signal, wait] = rings().prepare(ring, source);
    k::Exec call{source, hangs, {wait, 0}, signal, 0};
    if (fence) {
        const auto syncobj = in_fence().to_syncobj(fence);
        if (!syncobj) return tl::unexpected(syncobj.error());
        call.in_syncobjs[1] = *syncobj;
    }
    if (const int error = device().ioctl(k::kExec, &call); error < 0)
        return fail(-error, "the kernel refuses a job for ring {} (errno {})", ring, -error);
    rings().submitted(ring, source);
    statistics().submitted(ring, monotonic_ns());
    return {};
}

Status ToyContext::execbuffer(Request& request) {
    const auto wanted = request.as<w::ExecRequest>();
    const auto id = static_cast<uint32_t>(wanted.context_id);
    if (wanted.context_id > UINT32_MAX || !watch().exists(id))
        return fail(ENOENT, "GPU context {} does not exist", wanted.context_id);
    Status status = submit(RingIndex(1 + static_cast<uint32_t>(wanted.flags & w::kEngineMask)), id,
                           (wanted.flags & w::kHangs) != 0);
    if (!status && status.error().code == EIO) watch().found(id, LossWatch::Finding::kGuilty);
    return status;
}

Status ToyContext::madvise(Request& request) {
    const auto wanted = request.as<w::MadviseRequest>();
    const BufferObject* object = objects().find_resource(ResourceId(wanted.res_id));
    if (!object) return fail(EINVAL, "resource {} is not attached", wanted.res_id);
    k::Madvise call{object->handle.get().value(), wanted.advice, 0, 0};
    if (const int error = device().ioctl(k::kMadvise, &call); error < 0)
        return fail(-error, "resource {} (errno {})", wanted.res_id, -error);
    request.respond(w::ValueResponse{{}, 0, 0, call.retained});
    return {};
}

Status ToyContext::queue_submit(Request& request) {
    const uint32_t queue = request.as<w::SubmitRequest>().queue;
    const auto ring = ring_of_queue(queue);
    if (!ring) return fail(ENOENT, "queue {} does not exist", queue);
    return submit(*ring, queue);
}

Status ToyContext::cpu_ring_submit(Request&) {
    return submit(RingIndex(), 0);
}

Status ToyContext::crash(Request&) {
    std::_Exit(1);
}

Result<uint64_t> ToyContext::mmap_offset(GemHandle gem_handle) {
    k::MmapOffset call{0, gem_handle.value(), 0};
    if (const int error = device().ioctl(k::kMmapOffset, &call); error < 0)
        return fail(-error, "buffer {} cannot be mapped (errno {})", gem_handle, -error);
    return call.offset;
}

Result<std::unique_ptr<DriverContext>> create_context(std::unique_ptr<Device> device,
                                                      std::unique_ptr<ContextAccount> account) {
    auto context = std::make_unique<ToyContext>(std::move(device), std::move(account));
    if (auto status = context->add_rings(); !status) return tl::unexpected(status.error());
    return std::unique_ptr<DriverContext>(std::move(context));
}

}  // namespace viaduct::toy
