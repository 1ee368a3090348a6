// Sessions of the monitors that are built on rutabaga_gfx, from their start to their end: each test
// runs for all of them.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <numeric>
#include <thread>

#include "tests/integration/abi/crosvm.h"
#include "tests/integration/abi/libkrun.h"
#include "wire/capset.h"

namespace viaduct::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kNoHang = 60s;  // however slow the machine, a held job is not a hang

struct MonitorCase {
    const char* name;
    std::function<std::unique_ptr<Rutabaga>()> start;
};

const MonitorCase kMonitors[] = {
    {"rutabaga", [] { return std::make_unique<Rutabaga>(Rutabaga::kHabits, kNoHang); }},
    {"crosvm", [] { return std::make_unique<Crosvm>(Crosvm::kHabits, kNoHang); }},
    {"crosvm_sandboxed", [] { return std::make_unique<Crosvm>(Crosvm::kSandboxed, kNoHang); }},
    {"libkrun", [] { return std::make_unique<Libkrun>(Libkrun::kHabits, kNoHang); }},
};

/// 32-bit words of mapped bytes.
std::span<uint32_t> words(std::span<std::byte> bytes) {
    return {reinterpret_cast<uint32_t*>(bytes.data()), bytes.size() / sizeof(uint32_t)};
}

/// Guest memory in two pieces, in an array that goes with it.
struct GuestPages {
    std::vector<std::byte> bytes = std::vector<std::byte>(8192);
    std::vector<iovec> entries{{bytes.data(), 4096}, {bytes.data() + 4096, 4096}};
};

class Monitors : public ::testing::TestWithParam<MonitorCase> {
  protected:
    ~Monitors() override {
        guest_.reset();
        vmm_.reset();
    }
    Rutabaga& vmm() { return *vmm_; }
    GuestContext& guest() { return *guest_; }
    /// The monitor ends, however much there is.
    void finish() {
        vmm_->finish();
        guest_.reset();
        vmm_.reset();
    }
    void start() {
        vmm_ = GetParam().start();
        guest_ = std::make_unique<GuestContext>(*vmm_, 1);
    }
    int create_guest_blob(uint32_t res_id, const GuestPages& pages) {
        virgl_renderer_resource_create_blob_args args{};
        args.res_handle = res_id;
        args.ctx_id = 1;
        args.blob_mem = VIRGL_RENDERER_BLOB_MEM_GUEST;
        args.blob_flags = kMappable;
        args.size = pages.bytes.size();
        args.iovecs = pages.entries.data();
        args.num_iovs = static_cast<uint32_t>(pages.entries.size());
        return vmm().create_blob(args);
    }
    /// Work of the guest whose fence retires only after release_work() of the result.
    uint32_t hold(GuestContext& guest, const GpuContext& context, uint64_t fence_id) {
        const uint32_t res_id = guest.submit_held_write(context, 0x77);
        EXPECT_NE(res_id, 0u);
        EXPECT_EQ(guest.create_fence(context.ring, fence_id), 0);
        return res_id;
    }
    bool all_complete() {
        return eventually([this] { return vmm().waiting() == 0; });
    }

    std::unique_ptr<Rutabaga> vmm_ = GetParam().start();
    std::unique_ptr<GuestContext> guest_ = std::make_unique<GuestContext>(*vmm_, 1);
};

TEST_P(Monitors, AskForCapabilitySetsThatAreNotThere) {
    for (const uint32_t set : {1u, 2u, 4u, 5u}) {
        const auto absent = vmm().get_capset(set);
        EXPECT_EQ(absent.bytes, std::vector<std::byte>(absent.bytes.size())) << set;
    }
    const auto native = vmm().get_capset(wire::kCapsetDrm);
    EXPECT_EQ(native.version, 0u);
    ASSERT_EQ(native.bytes.size(), sizeof(wire::CapsetDrm));
    EXPECT_EQ(native.bytes, vmm().get_capset(wire::kCapsetDrm).bytes);
}

// get_drm_fd returns -1 where crosvm was given no path: that is not a descriptor that fails.
TEST_P(Monitors, LeaveTheChoiceOfTheGpuToTheLibrary) {
    EXPECT_TRUE(vmm().wait_log("native contexts run on")) << vmm().log_text();
    EXPECT_EQ(vmm().log_text().find("cannot be used"), std::string::npos) << vmm().log_text();
}

TEST_P(Monitors, RunAProgram) {
    const GpuContext context = guest().create_gpu_context();
    const uint32_t res_id = guest().submit_write(context, 0x1234);
    ASSERT_NE(res_id, 0u);
    EXPECT_TRUE(guest().fence_retires(context.ring));
    const auto bytes = vmm().map_blob(res_id);
    ASSERT_EQ(bytes.size(), 8192u);
    EXPECT_EQ(words(bytes)[1024], 0x1234u);
    vmm().unmap_blob(res_id);
    vmm().unref(res_id);
    EXPECT_EQ(vmm().create_global_fence(900), 0);
    EXPECT_TRUE(all_complete());
    EXPECT_TRUE(guest().settle());
    EXPECT_EQ(vmm().losses_of(1), 0u) << vmm().log_text();
}

// RESOURCE_CREATE_2D of the guest's kernel, and what follows until its text is on the screen.
TEST_P(Monitors, ShowAConsole) {
    constexpr uint32_t kBgrx = 2, kTexture2d = 2, kRenderTarget = 2;
    const uint32_t res_id = vmm().next_res_id();
    ASSERT_EQ(vmm().create_image({res_id, kTexture2d, kBgrx, kRenderTarget, 32, 32, 1, 1, 0, 0, 0}),
              0);
    std::vector<std::byte> pixels(32 * 32 * 4, std::byte{0x42}), shown(pixels.size());
    EXPECT_EQ(vmm().attach_backing(res_id, {{pixels.data(), 4096}}), 0);
    virgl_box box{0, 0, 0, 32, 32, 1};
    EXPECT_EQ(virgl_renderer_transfer_write_iov(res_id, 0, 0, 0, 0, &box, 0, nullptr, 0), 0);
    iovec target{shown.data(), shown.size()};
    EXPECT_EQ(virgl_renderer_transfer_read_iov(res_id, 0, 0, 128, 0, &box, 0, &target, 1), 0);
    EXPECT_EQ(shown, pixels);
    EXPECT_EQ(vmm().create_global_fence(800), 0);
    EXPECT_TRUE(all_complete());
    vmm().detach_backing(res_id);
    vmm().unref(res_id);
}

// Crosvm and libkrun map as many bytes as the guest asked for, from the handle's beginning.
TEST_P(Monitors, GetAHandleOfEachBlobThatIsMappable) {
    for (const uint32_t flags : {kMappable, kMappable | kShareable}) {
        const uint32_t res_id = guest().create_buffer(8192, flags);
        ASSERT_NE(res_id, 0u);
        const Rutabaga::Resource& resource = *vmm().find(res_id);
        ASSERT_TRUE(resource.handle.valid()) << flags;
        EXPECT_EQ(resource.fd_type, uint32_t{VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF});
        EXPECT_GE(::lseek(resource.handle.get(), 0, SEEK_END), 8192);
        ASSERT_TRUE(resource.map_info.has_value());
        EXPECT_EQ(*resource.map_info & ~uint32_t{VIRGL_RENDERER_MAP_CACHE_MASK}, 0u)
            << "rutabaga has bits of its own there";
        EXPECT_TRUE(resource.layout.has_value());
        const auto mapped = vmm().map_blob(res_id);
        ASSERT_EQ(mapped.size(), 8192u);
        words(mapped)[3] = 0xabcd;
        const MappedResource same(res_id);
        EXPECT_TRUE(!same.valid() || same.words()[3] == 0xabcd) << "it is another memory";
    }
}

TEST_P(Monitors, GetNoHandleThatIsTooShort) {
    const uint64_t blob_id = guest().next_blob_id();
    guest().make_buffer(blob_id, 4096);
    const uint32_t res_id = vmm().next_res_id();
    if (guest().begin_blob(res_id, blob_id, 1 << 20) != 0) return;
    const Rutabaga::Resource& resource = *vmm().find(res_id);
    EXPECT_FALSE(resource.handle.valid());
    EXPECT_FALSE(resource.map_info.has_value());
}

TEST_P(Monitors, MapWhatOutlivesItsResourceAndContext) {
    auto mortal = std::make_unique<GuestContext>(vmm(), 2);
    const uint32_t kept = mortal->create_buffer(4096), other = mortal->create_buffer(4096);
    const auto bytes = vmm().map_blob(kept);
    const auto others = vmm().map_blob(other);
    ASSERT_TRUE(!bytes.empty() && !others.empty());
    words(others)[0] = 5;
    vmm().unref(other);  // mapped by crosvm and libkrun still
    mortal.reset();
    words(bytes)[0] = 6;
    EXPECT_EQ(words(bytes)[0], 6u);
    vmm().unmap_blob(kept);
    vmm().unref(kept);
    vmm().unmap_blob(other);
    EXPECT_TRUE(guest().settle());
}

TEST_P(Monitors, SubmitNothingFromAnEmptySlice) {
    EXPECT_EQ(guest().submit(std::span<const std::byte>()), 0);
    EXPECT_TRUE(guest().settle());
}

TEST_P(Monitors, CompleteEveryCommandWithAFence) {
    const GpuContext context = guest().create_gpu_context();
    ASSERT_NE(guest().submit_write(context, 1), 0u);
    std::vector<uint64_t> expected;
    uint64_t id = (uint64_t{1} << 32) - 3;  // they become longer than 32 bits
    for (int i = 0; i < 6; ++i) {
        expected.push_back(++id);
        EXPECT_EQ(guest().create_fence(context.ring, id), 0);
        EXPECT_EQ(guest().create_fence(0, ++id, VIRGL_RENDERER_FENCE_FLAG_MERGEABLE), 0);
        EXPECT_EQ(guest().create_fence(63, ++id), 0);
        EXPECT_EQ(guest().create_fence(255, ++id), 0);
    }
    EXPECT_TRUE(all_complete());
    EXPECT_EQ(vmm().reported(1, context.ring), expected);
    for (const uint32_t global : {1u, 0x7fff'ffffu, 0x8000'0000u, 0xffff'ffffu})
        EXPECT_EQ(vmm().create_global_fence(global), 0);
    EXPECT_TRUE(all_complete());
}

TEST_P(Monitors, CompleteCommandsOfADestroyedContext) {
    {
        GuestContext mortal(vmm(), 2);
        for (uint64_t id = 400; id < 410; ++id) EXPECT_EQ(mortal.create_fence(1, id), 0);
    }
    EXPECT_TRUE(all_complete());
    EXPECT_EQ(vmm().create_fence(2, 0, 1, 410), EINVAL) << "the library is not asked";
    EXPECT_EQ(vmm().waiting(), 1u) << "for ever: no monitor completes such a command";
}

// The guest's kernel uses a context's number again at once, while the old one's work goes on. A
// fence that retires last must not be older than one that has retired before: crosvm takes it for
// the ring's progress.
TEST_P(Monitors, HearNoOldFenceAfterANewOneOfTheSameNumber) {
    EXPECT_TRUE(guest().settle());
    const ProcessUse before = ProcessUse::now();
    auto old = std::make_unique<GuestContext>(vmm(), 2);
    const GpuContext context = old->create_gpu_context();
    const uint32_t work = hold(*old, context, 500);
    auto memory = std::make_unique<MappedResource>(work);
    old.reset();
    auto next = std::make_unique<GuestContext>(vmm(), 2);
    EXPECT_EQ(next->create_fence(context.ring, 501), 0);
    EXPECT_TRUE(vmm().wait_fence(501));
    EXPECT_TRUE(all_complete());
    release_work(*memory);
    EXPECT_EQ(next->create_fence(context.ring, 502), 0);
    EXPECT_TRUE(vmm().wait_fence(502));
    memory.reset();
    next.reset();
    vmm().unref(work);
    EXPECT_TRUE(vmm().returns_to(before)) << "the old context has not ended";
    EXPECT_EQ(vmm().reported(2, context.ring), (std::vector<uint64_t>{501, 502}));
}

TEST_P(Monitors, ExportAFence) {
    const GpuContext context = guest().create_gpu_context();
    const uint32_t work = hold(guest(), context, 600);
    int fd = 0;
    ASSERT_EQ(vmm().export_fence(600, &fd), 0);
    const UniqueFd sync_file(fd);
    EXPECT_TRUE(sync_file.valid());
    release_work(work);
    EXPECT_TRUE(all_complete());
    EXPECT_NE(vmm().export_fence(600, &fd), 0) << "it has retired";
    EXPECT_EQ(fd, -1);
}

// A guest's memory, and the arrays that describe it: rutabaga frees them first, then says so.
TEST_P(Monitors, FreeGuestMemoryBeforeItsResource) {
    const uint32_t res_id = vmm().next_res_id();
    {
        const GuestPages pages;
        ASSERT_EQ(create_guest_blob(res_id, pages), 0);
        const auto& resource = *vmm().find(res_id);
        EXPECT_TRUE(resource.map_info.has_value());
        EXPECT_TRUE(resource.layout.has_value());
        vmm().attach(1, res_id);
        vmm().detach_backing(res_id);
        EXPECT_EQ(vmm().attach_backing(res_id, pages.entries), 0);
        EXPECT_EQ(vmm().attach_backing(res_id, {}), EINVAL) << "it has some";
    }
    vmm().unref(res_id);
    EXPECT_TRUE(guest().settle());
}

TEST_P(Monitors, ImportABlobOfTheirOwn) {
    const uint32_t res_id = guest().create_buffer(8192, kMappable | kShareable);
    ASSERT_NE(res_id, 0u);
    const uint32_t own = vmm().next_res_id();
    vmm().adopt(own, vmm().find(res_id)->handle.duplicate(), vmm().find(res_id)->fd_type);
    GuestContext other(vmm(), 2);
    vmm().attach(2, own);
    EXPECT_TRUE(vmm().find(own)->known_to_library);
    vmm().attach(2, own);
    EXPECT_EQ(other.error_of(own), 0);
    EXPECT_EQ(other.map(own, 0x8000'0000, 8192), 0);
    vmm().unref(own);
    EXPECT_EQ(guest().error_of(res_id), 0) << "the first one stays";
}

TEST_P(Monitors, RestoreASnapshotThatTheyCannotHave) {
    const GpuContext context = guest().create_gpu_context();
    ASSERT_NE(guest().submit_write(context, 1), 0u);
    vmm().destroy_objects();  // resources first, mapped or not, then contexts
    GuestContext next(vmm(), 1);
    const GpuContext again = next.create_gpu_context();
    EXPECT_NE(next.submit_write(again, 2), 0u);
    EXPECT_TRUE(next.fence_retires(again.ring));
}

TEST_P(Monitors, EndWithWorkUnderWayAndBeginAnew) {
    const GpuContext context = guest().create_gpu_context();
    const uint32_t work = hold(guest(), context, 700);
    auto memory = Mapping::map_shared(vmm().find(work)->handle.get(), 0, 8192);
    ASSERT_TRUE(memory.has_value());
    const GuestPages pages;
    ASSERT_EQ(create_guest_blob(vmm().next_res_id(), pages), 0);
    ASSERT_FALSE(vmm().map_blob(work).empty());
    finish();
    start();
    EXPECT_TRUE(guest().fence_retires(0));
    release_work(memory->bytes());  // a worker that is a thread leaves its job to the GPU
}

// One at a time, but not always the same one; fences come from the library's own.
TEST_P(Monitors, CallFromSeveralThreads) {
    constexpr int kThreads = 4, kRounds = 8;
    std::mutex turn;
    std::atomic<int> right{0};
    std::vector<std::thread> threads;
    for (uint32_t n = 0; n < kThreads; ++n)
        threads.emplace_back([&, n] {
            for (int round = 0; round < kRounds; ++round) {
                const std::lock_guard lock(turn);
                GuestContext guest(vmm(), 10 + n);
                const uint32_t res_id = guest.create_buffer(4096);
                const auto bytes = vmm().map_blob(res_id);
                right += !bytes.empty() && guest.fence_retires(n);
                vmm().unmap_blob(res_id);
                vmm().unref(res_id);
            }
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(right, kThreads * kRounds);
    EXPECT_TRUE(all_complete());
}

TEST_P(Monitors, LeaveNothingBehind) {
    const auto program = [this](uint32_t ctx_id) {
        GuestContext guest(vmm(), ctx_id);
        const GpuContext context = guest.create_gpu_context();
        const uint32_t res_id = guest.submit_write(context, 7);
        EXPECT_TRUE(guest.fence_retires(context.ring));
        vmm().map_blob(res_id);
        vmm().unmap_blob(res_id);
        vmm().unref(res_id);
    };
    program(2);
    EXPECT_TRUE(guest().settle());
    ProcessUse before = ProcessUse::now();
    for (uint32_t i = 0; i < 5; ++i) program(3 + i);
    EXPECT_TRUE(vmm().returns_to(before)) << ::testing::PrintToString(ProcessUse::now());
}

INSTANTIATE_TEST_SUITE_P(All, Monitors, ::testing::ValuesIn(kMonitors),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace viaduct::test
