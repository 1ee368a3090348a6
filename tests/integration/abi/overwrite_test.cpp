// Frames that the host still reads are not overwritten: a guest learns nothing of the host's
// compositor, and starts to draw the next frame as soon as it has flipped.
#include <gtest/gtest.h>

#include <optional>

#include "tests/integration/abi/shown_image.h"

namespace viaduct::test {
namespace {

using namespace std::chrono_literals;

class Overwrite : public ::testing::Test {
  protected:
    /// Work that names no image is done: by then whatever was submitted before would be, too, if
    /// nothing held it back.
    bool others_go_on() {
        const bool written = other_.submit_write(others_, ++value_, next_va_ += 0x10'0000) != 0;
        return written && other_.fence_retires(others_.ring);
    }

    Vmm vmm_{60s};  // what waits for a reader is not a hang
    GuestContext guest_{vmm_, 1}, other_{vmm_, 2};
    GpuContext others_ = other_.create_gpu_context();
    uint32_t value_ = 0;
    uint64_t next_va_ = 0x8000'0000;
};

TEST_F(Overwrite, WaitsForTheHostsReader) {
    ImageWriter writer(guest_);
    ASSERT_TRUE(vmm_.wait_fence(writer.write(1)));
    ASSERT_EQ(writer.value(), 1u);
    for (uint32_t frame = 2; frame < 6; ++frame) {
        HostReader reader(writer.image());
        const uint64_t fence = writer.write(frame);
        ASSERT_NE(fence, 0u);
        ASSERT_TRUE(others_go_on());
        EXPECT_EQ(vmm_.times_reported(fence), 0u);
        EXPECT_EQ(writer.value(), frame - 1) << "the frame changed while it was read";
        reader.finish();
        ASSERT_TRUE(vmm_.wait_fence(fence));
        EXPECT_EQ(writer.value(), frame);
    }
    EXPECT_TRUE(guest_.settle());
    EXPECT_EQ(vmm_.log_text().find("overwritten"), std::string::npos) << vmm_.log_text();
}

TEST_F(Overwrite, WaitsForAllReadersOfAllImages) {
    ImageWriter writer(guest_);
    HostReader screen(writer.image()), capture(writer.image());
    const uint64_t fence = writer.write(7);
    screen.finish();
    ASSERT_TRUE(others_go_on());
    EXPECT_EQ(vmm_.times_reported(fence), 0u);
    capture.finish();
    EXPECT_TRUE(vmm_.wait_fence(fence));
}

// A swapchain: the next frame goes into another buffer. (One that is mapped in the same address
// space is, for xe, one that the submission may use.)
TEST_F(Overwrite, DoesNotHoldBackWhatUsesOtherBuffers) {
    ImageWriter front(guest_), back(other_);
    const HostReader reader(front.image());
    const uint64_t held = front.write(1);
    ASSERT_TRUE(vmm_.wait_fence(back.write(2)));
    if (guest_.facts().name != "xe") {
        const GpuContext second = guest_.create_gpu_context();
        ASSERT_NE(guest_.submit_write(second, 3), 0u);
        const uint64_t fence = vmm_.next_fence_id();
        EXPECT_EQ(guest_.create_fence(second.ring, fence), 0);
        EXPECT_TRUE(guest_.settle()) << "the worker does not wait";
    }
    EXPECT_EQ(vmm_.times_reported(held), 0u);
}

TEST_F(Overwrite, HoldsBackAnotherContextThatDrawsIntoTheImage) {
    ImageWriter owner(guest_);
    vmm_.attach(2, owner.image());
    ImageWriter writer(other_, owner.image());
    GuestContext third(vmm_, 3);
    const GpuContext thirds = third.create_gpu_context();
    HostReader reader(owner.image());
    const uint64_t fence = writer.write(9);
    ASSERT_NE(third.submit_write(thirds, 1), 0u);
    ASSERT_TRUE(third.fence_retires(thirds.ring));
    EXPECT_EQ(vmm_.times_reported(fence), 0u);
    EXPECT_NE(owner.value(), 9u);
    reader.finish();
    ASSERT_TRUE(vmm_.wait_fence(fence));
    EXPECT_EQ(owner.value(), 9u);
}

// A compositor whose GPU hangs, or that means harm: the guest that is shown waits, as it would on
// the host, and nothing else does.
TEST_F(Overwrite, EndsWithItsContextWhenTheReaderNeverFinishes) {
    auto shown = std::make_unique<GuestContext>(vmm_, 3);
    std::optional<ImageWriter> writer(*shown);
    const HostReader reader(writer->image());
    std::vector<uint64_t> fences;
    for (uint32_t frame = 1; frame <= 8; ++frame) fences.push_back(writer->write(frame));
    ASSERT_TRUE(others_go_on());
    EXPECT_EQ(vmm_.times_reported(fences.front()), 0u);
    vmm_.unref(writer->image());
    writer.reset();
    shown.reset();
    for (const uint64_t fence : fences) EXPECT_TRUE(vmm_.wait_fence(fence));
    EXPECT_TRUE(others_go_on());
}

}  // namespace
}  // namespace viaduct::test
