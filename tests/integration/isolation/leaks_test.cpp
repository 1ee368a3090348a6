// Contexts leave nothing behind, however many there were.
#include <gtest/gtest.h>
#include <malloc.h>

#include "tests/integration/abi/vmm.h"
#include "tests/integration/isolation/workers.h"

namespace viaduct::test {
namespace {

constexpr int kContexts = 120;

/// A guest's program from its start to its end; one in five leaves its buffers and work as they
/// are.
void run_program(Vmm& vmm, const std::string& name, int turn) {
    GuestContext guest(vmm, 1, GuestContext::Control::kCreate, name);
    std::vector<uint32_t> resources;
    for (const Engine engine : {Engine::kGraphics, Engine::kSecond}) {
        const GpuContext context = guest.create_gpu_context(engine);
        const uint64_t va = 0x8000'0000 + 0x10'0000 * static_cast<uint64_t>(context.ring);
        resources.push_back(guest.submit_write(context, 1, va));
        ASSERT_NE(resources.back(), 0u) << vmm.log_text();
        if (turn % 5 == 0) continue;
        EXPECT_TRUE(guest.fence_retires(context.ring));
        guest.driver().destroy_gpu_context(context);
    }
    resources.push_back(guest.create_buffer(1 << 20, /*mappable, shareable*/ 3));
    for (const uint32_t res_id : resources) {
        EXPECT_TRUE(MappedResource(res_id).valid());
        virgl_renderer_resource_unref(res_id);
    }
}

TEST(Leaks, NothingIsLeftOfManyContexts) {
    Vmm vmm;
    const std::string name = unique_name("lk");
    // The first ones make what stays for the life of the process.
    for (int i = 0; i < 10; ++i) run_program(vmm, name, i);
    ASSERT_TRUE(workers_end(name));
    const auto before = ProcessUse::now();
    const size_t bytes_before = ::mallinfo2().uordblks;
    for (int i = 0; i < kContexts; ++i) run_program(vmm, name, i);
    EXPECT_TRUE(workers_end(name));
    EXPECT_TRUE(vmm.returns_to(before)) << ::testing::PrintToString(ProcessUse::now()) << " after "
                                        << ::testing::PrintToString(before);
    const size_t per_context =
        (std::max(::mallinfo2().uordblks, bytes_before) - bytes_before) / kContexts;
    EXPECT_LT(per_context, 1024u) << "bytes; the test's own record of fences is some of it";
}

}  // namespace
}  // namespace viaduct::test
