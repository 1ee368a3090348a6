#include "drm-context/front/device_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <future>

namespace viaduct {
namespace {

/// Keeps a thread busy, as a close() that waits for the GPU does.
class Blocker final : public Task {
  public:
    explicit Blocker(std::shared_future<void> end) : end_(std::move(end)) {}
    void run() override { end_.wait(); }

  private:
    std::shared_future<void> end_;
};

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

class DeviceFileTest : public ::testing::Test {
  protected:
    void block() { closer_->post(std::make_unique<Blocker>(goes_on_.get_future().share())); }
    void go_on() { goes_on_.set_value(); }
    /// Returns once all that was handed to the closer is done.
    void settle() {
        std::promise<void> done;
        struct Last final : Task {
            explicit Last(std::promise<void>& done) : done(done) {}
            void run() override { done.set_value(); }
            std::promise<void>& done;
        };
        closer_->post(std::make_unique<Last>(done));
        done.get_future().wait();
    }
    static UniqueFd open_node() { return UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)); }

    const std::shared_ptr<TaskThread> closer_ = TaskThread::start("closer").value();
    const std::shared_ptr<VmAccount> vm_ = VmAccount::create().value();
    std::promise<void> goes_on_;
};

TEST_F(DeviceFileTest, ItsLastOwnerDoesNotWaitForItsEnd) {
    auto file = DeviceFile::create(VmSlot(), closer_);
    file->adopt(open_node(), DeviceFile::Kind::kRenderNode);
    const int fd = file->fd();
    block();
    file.reset();
    EXPECT_TRUE(is_open(fd));
    go_on();
    settle();
    EXPECT_FALSE(is_open(fd));
}

TEST_F(DeviceFileTest, WhatItsContextHeldStaysChargedUntilItIsClosed) {
    auto file =
        DeviceFile::create(VmSlot(vm_, vm_->take_slot(ContextId(1), "test").value()), closer_);
    file->adopt(open_node(), DeviceFile::Kind::kRenderNode);
    block();
    file.reset();
    EXPECT_EQ(vm_->tenants().size(), 1u);
    go_on();
    settle();
    EXPECT_TRUE(vm_->tenants().empty());
}

TEST_F(DeviceFileTest, AMappingKeepsIt) {
    auto file = DeviceFile::create(VmSlot(), closer_);
    file->adopt(open_node(), DeviceFile::Kind::kRenderNode);
    const int fd = file->fd();
    const std::shared_ptr<const void> of_a_mapping = file;
    file.reset();
    settle();
    EXPECT_TRUE(is_open(fd));
}

TEST_F(DeviceFileTest, BuffersAreMappedThroughARenderNodeOnly) {
    const auto node = DeviceFile::create(VmSlot(), closer_);
    EXPECT_EQ(node->fd(), -1);
    EXPECT_EQ(node->mappable_fd(), -1);
    node->adopt(open_node(), DeviceFile::Kind::kRenderNode);
    EXPECT_GE(node->fd(), 0);
    EXPECT_EQ(node->mappable_fd(), node->fd());
    const auto stand_in = DeviceFile::create(VmSlot(), closer_);
    stand_in->adopt(open_node(), DeviceFile::Kind::kStandIn);
    EXPECT_GE(stand_in->fd(), 0);
    EXPECT_EQ(stand_in->mappable_fd(), -1);
}

TEST_F(DeviceFileTest, WhatNobodyAskedForIsClosedElsewhere) {
    UniqueFd sent = open_node();
    const int fd = sent.get();
    block();
    close_elsewhere(std::move(sent), *closer_);
    EXPECT_TRUE(is_open(fd));
    go_on();
    settle();
    EXPECT_FALSE(is_open(fd));
}

}  // namespace
}  // namespace viaduct
