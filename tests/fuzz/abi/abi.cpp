// The public C ABI: the calls that two guest contexts lead to, in thread mode on the simulated GPU.
// Guests choose ids, sizes, offsets and commands; pointers and descriptors are the VMM's, and
// valid.
#include <sys/uio.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "blob/memfd.h"
#include "renderer/abi/virglrenderer.h"
#include "tests/fuzz/ccmd/requests.h"
#include "tests/fuzz/grammar.h"
#include "tests/fuzz/target.h"
#include "wire/capset.h"

namespace viaduct::fuzz {

namespace {

constexpr uint32_t kResources = 12;
constexpr uint32_t kRings = 64;  // of a context (virtio-gpu: ring_idx)

enum class Kind : uint16_t {
    kSubmit,  // Operands.context, and the commands
    kBlob,
    kUnref,
    kAttach,
    kDetach,
    kMap,
    kUnmap,
    kExport,
    kImport,
    kFence,
    kExportFence,
    kAttachFence,
    kCreate2d,
    kTransferRead,
    kTransferWrite,
    kAttachIov,
    kDetachIov,
    kInfo,
    kCreateContext,
    kDestroyContext,
    kPoll,
    kReset,
};
constexpr uint16_t kKinds = 22;

/// Of all kinds; each takes what it needs.
struct Operands {
    uint32_t context;
    uint32_t resource;
    uint64_t number;  // blob id, fence, offset
    uint64_t size;    // bytes
    uint32_t flags;
    uint32_t ring;  // or the kind of memory
    virgl_box box;
};

Step any_step(Kind kind, Random& random) {
    Operands operands{};
    operands.context = static_cast<uint32_t>(random.once(16) ? random.any() : 1 + random.below(2));
    operands.resource =
        static_cast<uint32_t>(random.once(16) ? random.any() : 1 + random.below(kResources));
    operands.number = random.id();
    operands.size = any_size(random);
    operands.flags = static_cast<uint32_t>(random.below(16));
    operands.ring = random.ring(kRings);
    const auto side = [&] {
        return static_cast<uint32_t>(random.once(4) ? random.edge() : random.below(32));
    };
    operands.box = {side(), side(), 0, side(), side(), 1};
    Step step = make_step(static_cast<uint16_t>(kind), operands);
    if (kind != Kind::kSubmit) return step;
    const Bytes requests = make_requests(random);
    step.bytes.insert(step.bytes.end(), requests.begin(), requests.end());
    return step;
}

/// For `context`: a buffer with blob id `id`, and the resource that it becomes.
void append_buffer(Program& program, Random& random, uint32_t context, uint32_t id) {
    Operands operands{};
    operands.context = context;
    operands.resource = 2 * id + context;
    operands.number = id;
    operands.size = 8192;
    operands.flags =
        id == 1 ? VIRGL_RENDERER_BLOB_FLAG_USE_MAPPABLE
                : VIRGL_RENDERER_BLOB_FLAG_USE_MAPPABLE | VIRGL_RENDERER_BLOB_FLAG_USE_SHAREABLE;
    operands.ring = VIRGL_RENDERER_BLOB_MEM_HOST3D;
    Step submit = make_step(static_cast<uint16_t>(Kind::kSubmit), operands);
    const Bytes create = driver_requests().opening.create({id, operands.size, 0}, random).bytes;
    submit.bytes.insert(submit.bytes.end(), create.begin(), create.end());
    program.push_back(std::move(submit));
    program.push_back(make_step(static_cast<uint16_t>(Kind::kBlob), operands));
    program.push_back(make_step(static_cast<uint16_t>(Kind::kAttach), operands));
}

class CallGrammar final : public KindGrammar<Kind> {
  public:
    CallGrammar() : KindGrammar(kKinds, any_step) {}
    /// Two contexts, each with a control buffer and two buffers, and calls of each kind.
    Program make_program(Random& random) const override {
        Program program;
        for (uint32_t context = 1; context <= 2; ++context) {
            Operands control{};
            control.context = context;
            control.resource = context;
            control.size = 0x4000;
            control.flags = VIRGL_RENDERER_BLOB_FLAG_USE_MAPPABLE;
            control.ring = VIRGL_RENDERER_BLOB_MEM_HOST3D;
            program.push_back(
                fuzz::make_step(static_cast<uint16_t>(Kind::kCreateContext), control));
            program.push_back(fuzz::make_step(static_cast<uint16_t>(Kind::kBlob), control));
            for (const uint32_t id : {1u, 2u}) append_buffer(program, random, context, id);
        }
        for (uint64_t left = 4 + random.below(16); left > 0; --left)
            program.push_back(make_step(random));
        return program;
    }

  protected:
    Kind any_kind(Random& random) const override {
        return random.once(3) ? Kind::kSubmit : KindGrammar::any_kind(random);
    }
};

/// The guest's memory that iovecs name, for as long as the program runs: blocks of the heap, so
/// that a step past one shows.
iovec guest_block(size_t size) {
    static std::vector<std::unique_ptr<std::byte[]>> blocks;
    return {blocks.emplace_back(std::make_unique<std::byte[]>(size)).get(), size};
}
iovec guest_pages[] = {guest_block(4096), guest_block(16 << 10)};

void create_blob(const Operands& operands) {
    virgl_renderer_resource_create_blob_args args{};
    args.res_handle = operands.resource;
    args.ctx_id = operands.context;
    args.blob_mem = operands.ring;
    args.blob_flags = operands.flags;
    args.blob_id = operands.number;
    args.size = operands.size;
    // A VMM has the pages of guest memory that it claims to have.
    const bool guest = operands.ring != VIRGL_RENDERER_BLOB_MEM_HOST3D;
    args.iovecs = guest ? guest_pages : nullptr;
    args.num_iovs = guest ? static_cast<uint32_t>(std::size(guest_pages)) : 0;
    (void)virgl_renderer_resource_create_blob(&args);
}

void create_2d(const Operands& operands) {
    virgl_renderer_resource_create_args args{};
    args.handle = operands.resource;
    args.target = 2;              // PIPE_TEXTURE_2D
    args.format = operands.ring;  // virgl's
    args.bind = operands.flags;
    args.width = operands.box.w;
    args.height = operands.box.h;
    args.depth = args.array_size = 1;
    (void)virgl_renderer_resource_create(&args, nullptr, 0);
}

void export_blob(const Operands& operands) {
    uint32_t type = 0;
    int fd = -1;
    (void)virgl_renderer_resource_export_blob(operands.resource, &type, &fd);
    const UniqueFd owned(fd);
}

/// Another resource's dma-buf comes back under a new id.
void import_blob(const Operands& operands) {
    uint32_t type = 0;
    int fd = -1;
    const auto other = static_cast<uint32_t>(operands.number);
    if (virgl_renderer_resource_export_blob(other, &type, &fd) != 0) return;
    virgl_renderer_resource_import_blob_args args{};
    args.res_handle = operands.resource;
    args.blob_mem = VIRGL_RENDERER_BLOB_MEM_HOST3D;
    args.fd_type = type;
    args.fd = fd;
    args.size = operands.size;
    UniqueFd owned(fd);
    if (virgl_renderer_resource_import_blob(&args) == 0) (void)owned.release();
}

void export_fence(const Operands& operands) {
    int fd = -1;
    (void)virgl_renderer_export_fence(operands.number, &fd);
    const UniqueFd owned(fd);
}

void attach_fence(const Operands& operands) {
    const UniqueFd fence(virgl_renderer_export_signalled_fence());
    (void)virgl_renderer_attach_fence(static_cast<int>(operands.context), fence.get());
}

void query(const Operands& operands) {
    virgl_renderer_resource_info info{};
    (void)virgl_renderer_resource_get_info(static_cast<int>(operands.resource), &info);
    virgl_renderer_resource_info_ext more{};
    more.version = VIRGL_RENDERER_RESOURCE_INFO_EXT_VERSION;
    (void)virgl_renderer_resource_get_info_ext(static_cast<int>(operands.resource), &more);
    uint32_t cache = 0;
    (void)virgl_renderer_resource_get_map_info(operands.resource, &cache);
    uint32_t width = 0, height = 0;
    std::free(virgl_renderer_get_cursor_data(operands.resource, &width, &height));
    uint32_t version = 0, size = 0;
    virgl_renderer_get_cap_set(operands.ring, &version, &size);
    Bytes caps(size);
    if (size != 0) virgl_renderer_fill_caps(operands.ring, version, caps.data());
}

void create_context(uint32_t context) {
    constexpr char kName[] = "fuzz";
    (void)virgl_renderer_context_create_with_flags(context, wire::kCapsetDrm, sizeof(kName) - 1,
                                                   kName);
}

void submit(const Step& step, const Operands& operands) {
    const std::span bytes(step.bytes);
    const auto commands = bytes.subspan(std::min(sizeof(operands), bytes.size()));
    std::vector<uint32_t> words(commands.size() / sizeof(uint32_t));
    if (!words.empty()) std::memcpy(words.data(), commands.data(), words.size() * sizeof(uint32_t));
    (void)virgl_renderer_submit_cmd(words.data(), static_cast<int>(operands.context),
                                    static_cast<int>(words.size()));
}

void transfer(Kind kind, const Operands& operands) {
    virgl_box box = operands.box;
    const bool own = (operands.flags & 1) != 0;  // the resource's own pages
    iovec* const pages = own ? nullptr : guest_pages;
    const int count = own ? 0 : static_cast<int>(std::size(guest_pages));
    if (kind == Kind::kTransferRead)
        (void)virgl_renderer_transfer_read_iov(operands.resource, operands.context, 0,
                                               operands.ring, 0, &box, operands.number, pages,
                                               count);
    else
        (void)virgl_renderer_transfer_write_iov(operands.resource, operands.context, 0,
                                                operands.ring, 0, &box, operands.number, pages,
                                                static_cast<unsigned>(count));
}

void call_resource(Kind kind, const Operands& operands) {
    const auto context = static_cast<int>(operands.context);
    const auto resource = static_cast<int>(operands.resource);
    void* address = nullptr;
    uint64_t size = 0;
    switch (kind) {
        case Kind::kUnref:
            return virgl_renderer_resource_unref(operands.resource);
        case Kind::kAttach:
            return virgl_renderer_ctx_attach_resource(context, resource);
        case Kind::kDetach:
            return virgl_renderer_ctx_detach_resource(context, resource);
        case Kind::kMap:
            // A guest reads and writes what it maps.
            if (virgl_renderer_resource_map(operands.resource, &address, &size) == 0 && size != 0)
                static_cast<volatile char*>(address)[size - 1] = 1;
            return;
        case Kind::kUnmap:
            (void)virgl_renderer_resource_unmap(operands.resource);
            return;
        case Kind::kAttachIov:
            (void)virgl_renderer_resource_attach_iov(resource, guest_pages,
                                                     static_cast<int>(std::size(guest_pages)));
            return;
        case Kind::kDetachIov:
            return virgl_renderer_resource_detach_iov(resource, nullptr, nullptr);
        default:
            return transfer(kind, operands);
    }
}

void run_step(const Step& step) {
    const auto operands = step.as<Operands>();
    const auto kind = static_cast<Kind>(step.kind);
    switch (kind) {
        case Kind::kSubmit:
            return submit(step, operands);
        case Kind::kBlob:
            return create_blob(operands);
        case Kind::kExport:
            return export_blob(operands);
        case Kind::kImport:
            return import_blob(operands);
        case Kind::kFence:
            (void)virgl_renderer_context_create_fence(operands.context, operands.flags & 1,
                                                      operands.ring, operands.number);
            return;
        case Kind::kExportFence:
            return export_fence(operands);
        case Kind::kAttachFence:
            return attach_fence(operands);
        case Kind::kCreate2d:
            return create_2d(operands);
        case Kind::kInfo:
            return query(operands);
        case Kind::kCreateContext:
            return create_context(operands.context);
        case Kind::kDestroyContext:
            return virgl_renderer_context_destroy(operands.context);
        case Kind::kPoll:
            return virgl_renderer_poll();
        case Kind::kReset:
            return virgl_renderer_reset();
        default:
            if (step.kind < kKinds) call_resource(kind, operands);
    }
}

}  // namespace

const Grammar& grammar() {
    static const CallGrammar the_grammar;
    return the_grammar;
}

void start() {
    const std::pair<const char*, const char*> settings[] = {
        {"VIADUCT_GPU", "sim:renoir"},
        {"VIADUCT_ISOLATION", "thread"},
        {"VIADUCT_METRICS", "off"},
        {"VIADUCT_SIMGPU_HANG_MS", "5"},
        {"VIADUCT_SYSTEM_VIRGLRENDERER", "none"},
        {"VIADUCT_LOSSES", "0"},
        {"VIRGL_LOG_LEVEL", "silent"}};
    for (const auto& [name, value] : settings) ::setenv(name, value, /*overwrite=*/1);
    static virgl_renderer_callbacks callbacks{};
    callbacks.version = 3;
    callbacks.write_fence = [](void*, uint32_t) {};
    callbacks.write_context_fence = [](void*, uint32_t, uint32_t, uint64_t) {};
    constexpr int kFlags = VIRGL_RENDERER_NO_VIRGL | VIRGL_RENDERER_THREAD_SYNC |
                           VIRGL_RENDERER_ASYNC_FENCE_CB | VIRGL_RENDERER_DRM;
    static int cookie;
    virgl_set_log_callback([](virgl_log_level_flags, const char*, void*) {}, nullptr, nullptr);
    if (virgl_renderer_init(&cookie, kFlags, &callbacks) != 0)
        give_up("the library does not start");
}

/// The guest starts anew after each program: no context, no resource, no fence is left.
void run(std::span<const uint8_t> input) {
    for (const Step& step : parse_program(input)) run_step(step);
    virgl_renderer_reset();
}

}  // namespace viaduct::fuzz
