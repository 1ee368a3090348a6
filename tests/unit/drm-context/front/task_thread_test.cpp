#include "drm-context/front/task_thread.h"

#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

namespace viaduct {
namespace {

class Call final : public Task {
  public:
    explicit Call(std::function<void()> call) : call_(std::move(call)) {}
    void run() override { call_(); }

  private:
    std::function<void()> call_;
};

void post(TaskThread& thread, std::function<void()> call) {
    thread.post(std::make_unique<Call>(std::move(call)));
}

TEST(TaskThread, RunsTasksInOrderOnAThreadOfItsOwn) {
    const auto thread = TaskThread::start("test").value();
    std::vector<int> order;
    std::promise<std::thread::id> ran_on;
    for (int i = 0; i < 100; ++i) post(*thread, [&order, i] { order.push_back(i); });
    post(*thread, [&] { ran_on.set_value(std::this_thread::get_id()); });
    EXPECT_NE(ran_on.get_future().get(), std::this_thread::get_id());
    ASSERT_EQ(order.size(), 100u);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST(TaskThread, ItsOwnerWaitsForNoTask) {
    auto thread = TaskThread::start("test").value();
    std::promise<void> goes_on, last;
    post(*thread, [&] { goes_on.get_future().wait(); });
    post(*thread, [&] { last.set_value(); });
    thread.reset();
    goes_on.set_value();
    last.get_future().wait();  // what was posted runs, though its owner is gone
}

TEST(TaskThread, AThrowEndsOneTask) {
    const auto thread = TaskThread::start("test").value();
    std::promise<void> next;
    post(*thread, [] { throw std::runtime_error("for the test"); });
    post(*thread, [&] { next.set_value(); });
    next.get_future().wait();
}

TEST(TaskThread, DestroysTasksThere) {
    struct Witness final : Task {
        explicit Witness(std::promise<std::thread::id>& gone) : gone(gone) {}
        ~Witness() override { gone.set_value(std::this_thread::get_id()); }
        void run() override {}
        std::promise<std::thread::id>& gone;
    };
    const auto thread = TaskThread::start("test").value();
    std::promise<std::thread::id> gone;
    thread->post(std::make_unique<Witness>(gone));
    EXPECT_NE(gone.get_future().get(), std::this_thread::get_id());
}

}  // namespace
}  // namespace viaduct
