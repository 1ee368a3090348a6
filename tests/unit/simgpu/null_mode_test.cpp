#include "simgpu/null_mode.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "simgpu/trace.h"
#include "tests/unit/simgpu/amd/kernel/injected.h"

namespace simgpu::test {
namespace {

class NullMode : public Injected {
  protected:
    NullMode() { set_null_mode(true); }
    ~NullMode() override {
        set_null_mode(false);
        ::unsetenv("VIADUCT_SIMGPU_NULL");
    }
};

TEST_F(NullMode, JobsEndAndChangeNothing) {
    Client client;
    for (int i = 0; i < 3; ++i) ASSERT_EQ(client.count(), 0);
    EXPECT_EQ(client.wait_last(), 0);
    EXPECT_EQ(client.data.words()[0], 0u);
    set_null_mode(false);
    ASSERT_EQ(client.count(), 0);
    EXPECT_EQ(client.wait_last(), 0);
    EXPECT_EQ(client.data.words()[0], 1u);
}

TEST_F(NullMode, AJobThatWouldNeverEndEnds) {
    Client client;
    ASSERT_EQ(client.file.submit(client.context, client.program.ib({kSpin})), 0);
    EXPECT_EQ(client.wait_last(), 0);
    EXPECT_EQ(log.text(), "");
}

TEST_F(NullMode, TheUserFenceIsWritten) {
    Client client;
    drm_amdgpu_cs_chunk_fence fence{client.data.handle, 64};
    uint64_t sequence = 0;
    ASSERT_EQ(client.file.submit(client.context,
                                 client.program.ib({kUnknown}).with(AMDGPU_CHUNK_ID_FENCE, fence),
                                 &sequence),
              0);
    EXPECT_EQ(client.wait_last(), 0);
    EXPECT_EQ(client.data.words()[16], sequence);
}

TEST_F(NullMode, TheKernelsChecksStay) {
    Client client;
    EXPECT_EQ(client.file.submit(client.context + 1, client.program.ib({kUnknown})), -EINVAL);
    Chunks without_ib;
    EXPECT_EQ(client.file.submit(client.context, without_ib), -EINVAL);
}

TEST_F(NullMode, InjectedTroubleStays) {
    inject("hang:nth=2");
    Client client;
    ASSERT_EQ(client.count(), 0);
    EXPECT_EQ(client.wait_last(), 0);
    ASSERT_EQ(client.count(), 0);
    client.wait_last();
    EXPECT_NE(log.text().find("injected"), std::string::npos) << log.text();
}

TEST_F(NullMode, TheTraceSaysThatNothingIsExecuted) {
    std::vector<std::string> lines;
    set_trace_sink([&](std::string_view line) { lines.emplace_back(line); });
    Client client;
    ASSERT_EQ(client.count(), 0);
    EXPECT_EQ(client.wait_last(), 0);
    client.file.close();
    set_trace_sink(nullptr);
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    EXPECT_NE(text.find("not executed: VIADUCT_SIMGPU_NULL=1\n  done"), std::string::npos) << text;
}

TEST_F(NullMode, AnInvalidValueRefusesTheDevice) {
    ::setenv("VIADUCT_SIMGPU_NULL", "yes", 1);
    const auto file = File::open({});
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error(), EINVAL);
    EXPECT_NE(log.text().find("VIADUCT_SIMGPU_NULL: 'yes' is not 0 or 1"), std::string::npos);
    for (const char* valid : {"", "0", "1"}) {
        ::setenv("VIADUCT_SIMGPU_NULL", valid, 1);
        EXPECT_TRUE(null_mode_status()) << valid;
    }
}

}  // namespace
}  // namespace simgpu::test
