// The library's surface (F): calls in any order, with arguments of any size.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "tests/integration/abi/guarded_bytes.h"
#include "tests/integration/abi/vmm.h"

namespace viaduct::test {
namespace {

constexpr uint32_t kDrm = VIRTGPU_DRM_CAPSET_DRM;

/// A VMM that starts the library itself, as often as it likes.
class SurfaceVmm : public Vmm {
  public:
    SurfaceVmm() : Vmm(Unstarted(), std::chrono::milliseconds(800)) {
        table_.version = 3;
        table_.write_fence = write_fence;
        table_.write_context_fence = write_context_fence;
        table_.get_drm_fd = [](void* cookie) {
            return static_cast<SurfaceVmm*>(cookie)->give_descriptor();
        };
    }
    ~SurfaceVmm() override { virgl_renderer_cleanup(this); }

    int init(int flags = kFlags) { return virgl_renderer_init(this, flags, &table_); }
    virgl_renderer_callbacks& table() { return table_; }
    /// The next answer of get_drm_fd, which gives it away; -1: nothing.
    void offer(UniqueFd fd) { offered_ = std::move(fd); }
    std::atomic<size_t> fences = 0;  // callbacks so far

  private:
    void context_fence(uint32_t ctx_id, uint32_t ring_idx, uint64_t fence_id) override {
        ++fences;
        Vmm::context_fence(ctx_id, ring_idx, fence_id);
    }
    int give_descriptor() { return offered_.release(); }

    virgl_renderer_callbacks table_{};
    UniqueFd offered_;
};

int create_drm_context(uint32_t ctx_id, uint32_t length, const char* name) {
    return virgl_renderer_context_create_with_flags(ctx_id, kDrm, length, name);
}

TEST(Surface, ContextNamesOfAnyLength) {  // F1
    Vmm vmm;
    const GuardedBytes name(64, std::byte{'n'});  // nothing ends it
    const char* const text = reinterpret_cast<const char*>(name.data());
    for (const uint32_t length : {0u, 1u, 63u, 64u, 65u, 0x80000000u, UINT32_MAX}) {
        EXPECT_EQ(create_drm_context(1, length, text), 0) << length;
        virgl_renderer_context_destroy(1);
    }
    const GuardedBytes nothing(0);
    EXPECT_EQ(create_drm_context(1, 0, reinterpret_cast<const char*>(nothing.data())), 0);
    virgl_renderer_context_destroy(1);
    EXPECT_EQ(create_drm_context(1, 0, nullptr), 0);
    virgl_renderer_context_destroy(1);
}

TEST(Surface, ContextNamesDoNotReachATerminal) {  // F1, F10
    Vmm vmm;
    GuestContext guest(vmm, 1, GuestContext::Control::kCreate, "\x1b[2J%n%s\xff");
    guest.submit(Commands().add(wire::RequestHeader{0x7777, 16, guest.next_seqno(), 0}));
    EXPECT_TRUE(guest.settle());
    EXPECT_TRUE(vmm.wait_log("[2J%n%s")) << "the name is a name, and no format";
    EXPECT_EQ(vmm.log_text().find('\x1b'), std::string::npos);
    EXPECT_EQ(vmm.log_text().find('\xff'), std::string::npos);
}

TEST(Surface, ContextsAreOfKindsThatThereAre) {  // F2
    Vmm vmm;
    EXPECT_EQ(create_drm_context(0, 4, "test"), EINVAL);
    for (uint32_t bit = 8; bit < 32; ++bit)
        EXPECT_EQ(virgl_renderer_context_create_with_flags(1, kDrm | 1u << bit, 4, "test"), EINVAL)
            << bit;
    for (const uint32_t capset : {0u, 3u, 5u, 7u, 8u, 0xffu})
        EXPECT_EQ(virgl_renderer_context_create_with_flags(1, capset, 4, "test"), EINVAL) << capset;
    GuestContext guest(vmm, 1);
    EXPECT_EQ(create_drm_context(1, 4, "test"), 0) << "the same again";
    EXPECT_EQ(virgl_renderer_context_create_with_flags(1, VIRTGPU_DRM_CAPSET_VIRGL2, 4, "test"),
              EINVAL);
    EXPECT_TRUE(guest.settle()) << "the first one goes on";
}

/// The capability set's bytes, written over `fill`.
std::vector<std::byte> capset_over(std::byte fill, uint32_t version = 0) {
    uint32_t max_version = 0, size = 0;
    virgl_renderer_get_cap_set(kDrm, &max_version, &size);
    const GuardedBytes memory(size, fill);
    virgl_renderer_fill_caps(kDrm, version, memory.data());
    return {memory.bytes().begin(), memory.bytes().end()};
}

TEST(Surface, CapabilitySetsAreWholeAndNoLonger) {  // F3, F4, F5
    std::vector<std::byte> first;
    for (int start = 0; start < 2; ++start) {
        SurfaceVmm vmm;
        uint32_t version = 7, size_before = 7, size = 7;
        virgl_renderer_get_cap_set(kDrm, &version, &size_before);
        ASSERT_EQ(vmm.init(), 0);
        virgl_renderer_get_cap_set(kDrm, &version, &size);
        EXPECT_GT(size, 0u);
        EXPECT_EQ(size_before, size);
        const auto over_zeros = capset_over(std::byte{0});
        EXPECT_EQ(capset_over(std::byte{0xff}), over_zeros) << "a byte was left as it was";
        capset_over(std::byte{0xff}, 99);
        if (start == 0) first = over_zeros;
        EXPECT_EQ(over_zeros, first) << "it differs from start to start";
        for (const uint32_t set : {0u, 3u, 5u, 7u, 99u, UINT32_MAX}) {
            virgl_renderer_get_cap_set(set, &version, &size);
            EXPECT_EQ(version, 0u) << set;
            EXPECT_EQ(size, 0u) << set;
            const GuardedBytes nothing(0);
            virgl_renderer_fill_caps(set, 0, nothing.data());
        }
    }
}

int execute(const void* structure, size_t size, uint32_t passed) {
    const GuardedBytes memory(size);
    std::memcpy(memory.data(), structure, size);
    return virgl_renderer_execute(memory.data(), passed);
}

TEST(Surface, ExecuteReadsNoMoreThanThereIs) {  // F6
    Vmm vmm;
    virgl_renderer_export_query query{};
    query.hdr = {VIRGL_RENDERER_STRUCTURE_TYPE_EXPORT_QUERY, 0, sizeof(query)};
    for (uint32_t size = 0; size < sizeof(query); ++size)
        EXPECT_EQ(execute(&query, size, size), -EINVAL) << size;
    for (const uint32_t claimed : {0u, 12u, 87u, 89u, UINT32_MAX}) {
        auto wrong = query;
        wrong.hdr.size = claimed;
        EXPECT_EQ(execute(&wrong, sizeof(wrong), sizeof(wrong)), -EINVAL) << claimed;
    }
    query.hdr.stype_version = 1;
    EXPECT_EQ(execute(&query, sizeof(query), sizeof(query)), -EINVAL);
    for (const uint32_t type : {0u, 3u, 4u, 0x80000000u, UINT32_MAX}) {
        const virgl_renderer_hdr unknown{type, 0, sizeof(unknown)};
        EXPECT_EQ(execute(&unknown, sizeof(unknown), sizeof(unknown)), -EINVAL) << type;
    }
    EXPECT_EQ(virgl_renderer_execute(nullptr, 0), -EINVAL);
}

TEST(Surface, AQueryExportsNothing) {  // F15
    Vmm vmm;
    GuestContext guest(vmm, 1);
    const uint32_t res_id = guest.create_buffer(4096, kMappable | kShareable);
    ASSERT_NE(res_id, 0u);
    const auto before = ProcessUse::now();
    for (int round = 0; round < 20; ++round) {
        for (const uint32_t res : {res_id, 0u, 4711u, UINT32_MAX}) {
            virgl_renderer_export_query query{};
            query.hdr = {VIRGL_RENDERER_STRUCTURE_TYPE_EXPORT_QUERY, 0, sizeof(query)};
            query.in_resource_id = res;
            query.in_export_fds = 1;
            EXPECT_EQ(virgl_renderer_execute(&query, sizeof(query)), -EINVAL) << res;
        }
    }
    EXPECT_LT(ProcessUse::now().descriptors, before.descriptors + 20);
}

/// Every call that has a result, with ids of nothing; those that succeeded, by name.
std::string calls_that_succeed() {
    uint32_t word = 0, value = 0;
    uint64_t size = 0;
    int fd = -1;
    void* pointer = nullptr;
    virgl_renderer_resource_info info{};
    virgl_renderer_resource_info_ext info_ext{};
    virgl_renderer_resource_create_args create{1, 2, 1, 2, 4, 4, 1, 1, 0, 0, 0};
    virgl_renderer_resource_create_blob_args blob{1, 1, 2, 1, 0, 4096, nullptr, 0};
    virgl_renderer_resource_import_blob_args import{1, 2, 1, -1, 4096};
    virgl_box box{0, 0, 0, 1, 1, 1};
    virgl_renderer_reset();
    virgl_renderer_poll();
    virgl_renderer_force_ctx_0();
    virgl_renderer_context_destroy(1);
    virgl_renderer_context_poll(1);
    virgl_renderer_ctx_attach_resource(1, 1);
    virgl_renderer_ctx_detach_resource(1, 1);
    virgl_renderer_resource_unref(1);
    virgl_renderer_resource_detach_iov(1, nullptr, nullptr);
    std::string names;
    const auto expect_failure = [&](const char* name, int result) {
        if (result == 0) names += std::string(name) + " ";
    };
    expect_failure("context_create", virgl_renderer_context_create(1, 1, "x"));
    expect_failure("create_with_flags", create_drm_context(1, 1, "x"));
    expect_failure("submit_cmd", virgl_renderer_submit_cmd(&word, 1, 1));
    expect_failure("submit_cmd2", virgl_renderer_submit_cmd2(&word, 1, 1, nullptr, 0));
    expect_failure("attach_fence", virgl_renderer_attach_fence(1, -1));
    expect_failure("read_iov",
                   virgl_renderer_transfer_read_iov(1, 1, 0, 0, 0, &box, 0, nullptr, 0));
    expect_failure("write_iov",
                   virgl_renderer_transfer_write_iov(1, 1, 0, 0, 0, &box, 0, nullptr, 0));
    expect_failure("create_fence", virgl_renderer_create_fence(1, 0));
    expect_failure("context_create_fence", virgl_renderer_context_create_fence(1, 0, 0, 1));
    expect_failure("export_fence", virgl_renderer_export_fence(1, &fd));
    expect_failure("resource_create", virgl_renderer_resource_create(&create, nullptr, 0));
    expect_failure("create_blob", virgl_renderer_resource_create_blob(&blob));
    expect_failure("import_blob", virgl_renderer_resource_import_blob(&import));
    expect_failure("attach_iov", virgl_renderer_resource_attach_iov(1, nullptr, 0));
    expect_failure("map", virgl_renderer_resource_map(1, &pointer, &size));
    expect_failure("unmap", virgl_renderer_resource_unmap(1));
    expect_failure("map_fixed", virgl_renderer_resource_map_fixed(1, &word));
    expect_failure("get_map_info", virgl_renderer_resource_get_map_info(1, &value));
    expect_failure("export_blob", virgl_renderer_resource_export_blob(1, &value, &fd));
    expect_failure("get_info", virgl_renderer_resource_get_info(1, &info));
    expect_failure("get_info_ext", virgl_renderer_resource_get_info_ext(1, &info_ext));
    return names;
}

TEST(Surface, CallsOfALibraryThatDoesNotRunFail) {  // F7
    SurfaceVmm vmm;
    EXPECT_EQ(calls_that_succeed(), "") << "before it began";
    ASSERT_EQ(vmm.init(), 0);
    virgl_renderer_cleanup(&vmm);
    EXPECT_EQ(calls_that_succeed(), "") << "after its end";
}

TEST(Surface, StartsAndEndsInAnyOrder) {  // F8
    SurfaceVmm vmm;
    std::optional<ProcessUse> before;
    for (int round = 0; round < 5; ++round) {
        vmm.table().version = round % 2 ? 0 : 5;
        EXPECT_NE(vmm.init(), 0) << "no such callbacks";
        vmm.table().version = 3;
        ASSERT_EQ(vmm.init(), 0);
        EXPECT_EQ(vmm.init(), 0) << "as it runs";
        EXPECT_EQ(vmm.init(Vmm::kFlags | VIRGL_RENDERER_VENUS), -EBUSY);
        EXPECT_EQ(virgl_renderer_init(nullptr, Vmm::kFlags, &vmm.table()), -EBUSY);
        {
            GuestContext guest(vmm, 1);
            EXPECT_TRUE(guest.settle());
            virgl_renderer_reset();
            virgl_renderer_reset();
        }
        EXPECT_EQ(vmm.init(), 0) << "as a VMM does after a reset";
        {
            GuestContext guest(vmm, 1);
            EXPECT_TRUE(guest.settle());
        }
        virgl_renderer_cleanup(&vmm);
        virgl_renderer_cleanup(&vmm);
        if (!before) before = ProcessUse::now();  // what is kept for the next start is there now
    }
    EXPECT_TRUE(vmm.returns_to(*before)) << ::testing::PrintToString(ProcessUse::now());
}

TEST(Surface, AVmmsDescriptorIsClosedOnce) {  // F9
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const UniqueFd writer(ends[1]);
    UniqueFd kinds[] = {UniqueFd(), UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)),
                        UniqueFd(ends[0])};
    for (UniqueFd& kind : kinds) {
        SurfaceVmm vmm;
        vmm.offer(std::move(kind));
        ASSERT_EQ(vmm.init(), 0) << "the GPU of VIADUCT_GPU will do";
        // These get the numbers that were closed; a second close() would end them.
        std::array<UniqueFd, 16> others;
        for (UniqueFd& other : others) other = UniqueFd(::fcntl(2, F_DUPFD_CLOEXEC, 0));
        {
            GuestContext guest(vmm, 1);
            EXPECT_TRUE(guest.settle());
        }
        virgl_renderer_cleanup(&vmm);
        for (const UniqueFd& other : others) EXPECT_EQ(::fcntl(other.get(), F_GETFD), FD_CLOEXEC);
    }
    ::signal(SIGPIPE, SIG_IGN);
    EXPECT_EQ(::write(writer.get(), "x", 1), -1) << "nobody closed the other end";
    EXPECT_EQ(errno, EPIPE);
}

TEST(Surface, ManyCallsThatFailAreAFewLines) {  // F10
    Vmm vmm;
    GuestContext guest(vmm, 1);
    virgl_renderer_resource_create_blob_args args{};
    args.res_handle = 500;
    args.ctx_id = 1;
    args.blob_mem = 7;
    args.size = 4096;
    void* mapped = nullptr;
    uint64_t size = 0;
    uint32_t word = 0;
    int fd = -1;
    for (int i = 0; i < 100000; ++i) {
        virgl_renderer_resource_create_blob(&args);
        virgl_renderer_resource_map(4711, &mapped, &size);
        virgl_renderer_resource_get_map_info(4711, &word);
        virgl_renderer_resource_export_blob(4711, &word, &fd);
        virgl_renderer_ctx_attach_resource(1, 4711);
        virgl_renderer_submit_cmd(&word, 99, 1);
        virgl_renderer_submit_cmd(&word, 1, -1);
        virgl_renderer_context_create_fence(99, 0, 0, 1);
    }
    EXPECT_LT(vmm.log_text().size(), 65536u);
    EXPECT_TRUE(guest.settle());
}

TEST(Surface, NewContextsAreNoWayToFillTheLog) {  // F10
    Vmm vmm;
    for (int i = 0; i < 50; ++i) {
        GuestContext guest(vmm, 1, GuestContext::Control::kCreate, "loud");
        Commands commands;
        for (uint32_t cmd = 0; cmd < 1000; ++cmd)
            commands.add(wire::RequestHeader{1000 + cmd, 16, guest.next_seqno(), 0});
        EXPECT_EQ(guest.submit(commands), 0);
        EXPECT_TRUE(guest.settle());
    }
    EXPECT_LT(vmm.log_text().size(), 65536u);
}

TEST(Surface, ManyContextsEndInARefusalOrInTheirEnd) {  // F12
    constexpr uint32_t kMany = 200;
    Vmm vmm;
    { const GuestContext first(vmm, 1); }
    const auto before = ProcessUse::now();
    uint32_t made = 0;
    while (made < kMany && create_drm_context(2 + made, 4, "many") == 0) ++made;
    EXPECT_GT(made, 3u);
    const auto most = ProcessUse::now();
    EXPECT_LE(most.threads, before.threads + 2 * made + 2);
    EXPECT_LE(most.descriptors, before.descriptors + 16 * made);
    for (uint32_t i = 0; i < made; ++i) virgl_renderer_context_destroy(2 + i);
    // Less than one for each: the library may have opened some of its own meanwhile.
    EXPECT_TRUE(eventually([&] {
        const auto now = ProcessUse::now();
        return now.threads <= before.threads + made / 2 &&
               now.descriptors <= before.descriptors + made / 2;
    })) << ::testing::PrintToString(ProcessUse::now());
    GuestContext next(vmm, 1);
    EXPECT_TRUE(next.settle()) << "what was refused then is there now";
}

TEST(Surface, InformationIsWholeAndItsDescriptorOpen) {  // F13
    Vmm vmm;
    GuestContext guest(vmm, 1);
    const uint32_t shared = guest.create_buffer(4096, kMappable | kShareable);
    const uint32_t plain = guest.create_buffer(4096);
    for (const uint32_t res_id : {shared, plain}) {
        virgl_renderer_resource_info_ext info;
        std::memset(&info, 0xa5, sizeof(info));
        ASSERT_EQ(virgl_renderer_resource_get_info_ext(static_cast<int>(res_id), &info), 0);
        EXPECT_EQ(info.base.handle, res_id);
        EXPECT_EQ(info.base.width, 0u);
        EXPECT_EQ(info.base.height, 0u);
        EXPECT_EQ(info.base.stride, 0u);
        EXPECT_EQ(info.base.tex_id, 0u);
        EXPECT_EQ(info.d3d_tex2d, nullptr);
        if (info.base.fd != -1) {
            EXPECT_NE(::fcntl(info.base.fd, F_GETFD), -1) << "a descriptor of nothing";
        }
    }
}

TEST(Surface, TransfersLeaveTheirArgumentsAlone) {  // F14
    Vmm vmm;
    GuestContext guest(vmm, 1);
    const uint32_t res_id = guest.create_buffer(4096);
    auto* const wild_iov = reinterpret_cast<iovec*>(8);
    auto* const wild_box = reinterpret_cast<virgl_box*>(8);
    for (const uint32_t ctx_id : {1u, 0u, 9u}) {
        EXPECT_NE(
            virgl_renderer_transfer_read_iov(res_id, ctx_id, 0, 0, 0, wild_box, 0, wild_iov, 3), 0);
        EXPECT_NE(
            virgl_renderer_transfer_write_iov(res_id, ctx_id, 0, 0, 0, wild_box, 0, wild_iov, 3),
            0);
    }
    EXPECT_TRUE(guest.settle());
}

TEST(Surface, DetachGivesOnlyWhatThereIs) {  // C19
    Vmm vmm;
    GuestContext guest(vmm, 1);
    const uint32_t res_id = guest.create_buffer(4096);
    for (const uint32_t res : {res_id, 4711u, 0u, UINT32_MAX}) {
        iovec untouched{};
        iovec* iov = &untouched;
        int count = 77;
        virgl_renderer_resource_detach_iov(static_cast<int>(res), &iov, &count);
        EXPECT_TRUE((iov == nullptr && count == 0) || (iov == &untouched && count == 77))
            << "resource " << res << ": " << count << " entries of nobody";
        virgl_renderer_resource_detach_iov(static_cast<int>(res), nullptr, nullptr);
    }
    EXPECT_EQ(guest.error_of(res_id), 0);
}

TEST(Surface, NoCallbackComesAfterTheEnd) {  // E10
    SurfaceVmm vmm;
    ASSERT_EQ(vmm.init(), 0);
    GuestContext slow(vmm, 1, GuestContext::Control::kCreate, "slow");
    const GpuContext gpu_context = slow.create_gpu_context();
    ASSERT_NE(slow.submit_write(gpu_context, 1), 0u);
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(slow.create_fence(gpu_context.ring, vmm.next_fence_id()), 0);
    virgl_renderer_cleanup(&vmm);
    const size_t reported = vmm.fences;
    ::usleep(600'000);  // past the job's end
    EXPECT_EQ(vmm.fences, reported);
}

}  // namespace
}  // namespace viaduct::test
