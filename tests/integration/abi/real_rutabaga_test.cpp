// A session with rutabaga_gfx itself: what rutabaga.h says of its calls is what it does. It needs
// VIADUCT_RUTABAGA, the path of librutabaga_gfx_ffi.so, and is skipped without (docs/crosvm.md).
#include "tests/integration/abi/real_rutabaga.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "wire/capset.h"

namespace viaduct::test {
namespace {

uint32_t word_at(std::span<const std::byte> bytes, size_t offset) {
    uint32_t word = 0;
    if (offset + sizeof(word) <= bytes.size())
        std::memcpy(&word, bytes.data() + offset, sizeof(word));
    return word;
}

/// A guest's program: two GPU contexts, a submission on each, and its bytes as the guest sees them.
void run_program(RealRutabaga& vmm, uint32_t ctx_id, uint32_t value) {
    GuestContext guest(vmm, ctx_id);
    for (const Engine engine : {Engine::kGraphics, Engine::kSecond}) {
        const GpuContext context = guest.create_gpu_context(engine);
        const uint64_t va = 0x8000'0000 + 0x10'0000 * static_cast<uint64_t>(context.ring);
        const uint32_t res_id = guest.submit_write(context, ++value, va);
        ASSERT_NE(res_id, 0u);
        EXPECT_TRUE(guest.fence_retires(context.ring));
        const auto bytes = vmm.map(res_id);
        EXPECT_EQ(bytes.size(), 8192u);
        EXPECT_EQ(word_at(bytes, 4096), value);
        EXPECT_EQ(vmm.unmap(res_id), 0);
        UniqueFd handle;
        EXPECT_EQ(vmm.export_blob(res_id, handle), 0);
        EXPECT_GE(::lseek(handle.get(), 0, SEEK_END), 8192);
        vmm.unref(res_id);
    }
    EXPECT_TRUE(guest.settle());
}

std::string make_folder() {
    const auto path =
        std::filesystem::temp_directory_path() / ("viaduct-rutabaga-" + std::to_string(::getpid()));
    std::filesystem::create_directory(path);
    return path;
}

TEST(RealRutabagaTest, Session) {
    const char* const library = std::getenv("VIADUCT_RUTABAGA");
    if (!library) GTEST_SKIP() << "VIADUCT_RUTABAGA names no librutabaga_gfx_ffi.so";
    RealRutabaga vmm(library);
    EXPECT_EQ(vmm.native_capset().size(), sizeof(wire::CapsetDrm));

    run_program(vmm, 1, 0x1000);
    std::thread others[] = {std::thread(run_program, std::ref(vmm), 2, 0x2000),
                            std::thread(run_program, std::ref(vmm), 3, 0x3000)};
    for (std::thread& other : others) other.join();
    EXPECT_EQ(vmm.create_global_fence(900), 0);
    EXPECT_TRUE(vmm.wait_global_fence(900));

    if (vmm.has_snapshots()) {
        const std::string folder = make_folder();
        EXPECT_NE(vmm.snapshot(folder), 0) << "rutabaga has none of 3D";
        run_program(vmm, 1, 0x4000);
        EXPECT_NE(vmm.restore(folder), 0);
        std::filesystem::remove_all(folder);
    }
    run_program(vmm, 1, 0x5000);

    const GuestContext unfinished(vmm, 4);
    vmm.finish();
}

}  // namespace
}  // namespace viaduct::test
