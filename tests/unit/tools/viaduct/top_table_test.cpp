#include "tools/viaduct/top_table.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace viaduct::tool {
namespace {

std::string exposition(const char* pid, const char* vm, double busy, double memory) {
    const std::string labels = std::string("{vm=\"") + vm + "\",pid=\"" + pid + "\"";
    const std::string context = labels + ",context=\"1\",process=\"gears\"";
    return "viaduct_vm_busy_seconds_total" + labels + ",engine=\"gfx\"} " + std::to_string(busy) +
           "\nviaduct_context_busy_seconds_total" + context + ",engine=\"gfx\"} " +
           std::to_string(busy) + "\nviaduct_context_memory_bytes" + context + ",heap=\"local\"} " +
           std::to_string(memory) + "\nviaduct_ring_submissions_total" + context +
           ",ring=\"gfx.0\"} 10\n";
}

class Table : public testing::Test {
  protected:
    const Figures before_ =
        figures_of({exposition("1", "alice", 1, 1 << 20), exposition("2", "bob", 1, 9 << 20)});
    const Figures now_ =
        figures_of({exposition("1", "alice", 2, 1 << 20), exposition("2", "bob", 1.5, 9 << 20)});
};

TEST_F(Table, ShowsSharesOfTheTimeBetween) {
    const std::string text = top_table(before_, now_, 2, SortKey::kGpu, 0);
    EXPECT_NE(text.find("50.0"), std::string::npos) << text;
    EXPECT_NE(text.find("25.0"), std::string::npos) << text;
    EXPECT_NE(text.find("gfx.0"), std::string::npos) << text;
}

// Every figure another, so that none stands in another's column.
TEST(TableRows, HaveEachFigureInItsColumn) {
    VmFigures vm;
    vm.name = "alice";
    vm.gpu = "simulated tgl";
    vm.memory = 4 << 20;
    vm.memory_limit = 5 << 20;
    vm.share = 75;
    vm.lost = 6;
    vm.busy = {{"gfx", 0.21}, {"compute", 0.22}, {"copy", 0.23}, {"video", 0.24}};
    ContextFigures context;
    context.process = "gears";
    context.memory = 3 << 20;
    context.buffers = 31;
    context.commands = 32;
    context.errors = 33;
    context.resets = 34;
    context.other_resets = 35;
    context.busy = {{"gfx", 0.11}, {"compute", 0.12}, {"copy", 0.13}, {"video", 0.14}};
    RingFigures ring;
    ring.submissions = 41;
    ring.depth = 42;
    ring.latency = {{0.001, 98}, {0.002, 98}, {0.004, 100}};
    context.rings = {{"gfx.0", ring}};
    vm.contexts = {{9, context}};
    EXPECT_EQ(
        top_table({}, {{77, vm}}, 1, SortKey::kGpu, 0),
        "VM                       PID   GFX%  COMP%  COPY% VIDEO%     MEM   LIMIT  SHARE  LOST"
        "  GPU\n"
        "alice                     77   21.0   22.0   23.0   24.0    4.0M    5.0M    75%     6"
        "  simulated tgl\n"
        "\n"
        "VM                    CTX  PROCESS            GFX%  COMP%  COPY% VIDEO%     MEM   BUFS"
        "    CMD/S   ERR  RESETS\n"
        "alice                   9  gears              11.0   12.0   13.0   14.0    3.0M     31"
        "       32    33   34+35\n"
        "    gfx.0               41 subm/s    42 queued  p50    1.0ms  p99    4.0ms\n");
}

TEST_F(Table, Sorts) {
    const auto order = [&](SortKey key) {
        const std::string text = top_table(before_, now_, 1, key, 0);
        const size_t contexts = text.find("PROCESS");
        return text.find("alice", contexts) < text.find("bob", contexts);
    };
    EXPECT_TRUE(order(SortKey::kGpu));
    EXPECT_FALSE(order(SortKey::kMemory));
    EXPECT_TRUE(order(SortKey::kName));
}

TEST_F(Table, FitsTheTerminal) {
    const std::string text = top_table(before_, now_, 1, SortKey::kGpu, 3);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
    EXPECT_NE(top_table({}, {}, 1, SortKey::kGpu, 100), "");
}

TEST_F(Table, AContextThatBeganMeanwhileStartsFromNothing) {
    const std::string text = top_table({}, now_, 4, SortKey::kGpu, 0);
    EXPECT_NE(text.find("50.0"), std::string::npos) << text;
}

}  // namespace
}  // namespace viaduct::tool
