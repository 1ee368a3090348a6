#include "base/fifo.h"

#include <gtest/gtest.h>

#include <memory>

namespace viaduct {
namespace {

TEST(FifoTest, KeepsTheOrder) {
    Fifo<int> fifo;
    int in = 0, out = 0;
    for (int round = 1; round < 100; ++round) {  // wraps around, and grows while it does
        for (int i = 0; i < round; ++i) fifo.push_back(in++);
        for (int i = 0; i < round - 1; ++i, fifo.pop_front()) ASSERT_EQ(fifo.front(), out++);
    }
    ASSERT_EQ(fifo.size(), 99u);
    for (size_t i = 0; i < fifo.size(); ++i) EXPECT_EQ(fifo[i], out + static_cast<int>(i));
}

TEST(FifoTest, IsEmptyInTheEndAndUsableAgain) {
    Fifo<int> fifo;
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 5000; ++i) fifo.push_back(i);
        for (int i = 0; i < 5000; ++i, fifo.pop_front()) ASSERT_EQ(fifo.front(), i);
        EXPECT_TRUE(fifo.empty());
    }
}

TEST(FifoTest, LetsElementsGo) {
    const auto element = std::make_shared<int>(1);
    Fifo<std::shared_ptr<int>> fifo;
    fifo.push_back(element);
    fifo.push_back(element);
    EXPECT_EQ(element.use_count(), 3);
    fifo.pop_front();
    EXPECT_EQ(element.use_count(), 2);
}

}  // namespace
}  // namespace viaduct
