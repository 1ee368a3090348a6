// The VMM's log callback: row F10 of the catalogue of hostile cases, and who frees what.
#include <cstdarg>
#include <cstdio>

#include "base/log.h"
#include "vmm_fixture.h"

namespace viaduct::test {
namespace {

struct Lines {
    std::vector<std::pair<int, std::string>> lines;
    int freed = 0;
};

void collect(virgl_log_level_flags level, const char* text, void* data) {
    static_cast<Lines*>(data)->lines.emplace_back(level, text);
}
void count_free(void* data) {
    ++static_cast<Lines*>(data)->freed;
}

TEST_F(Vmm, TheLogCallbackGetsEveryMessageWithItsLevel) {
    Lines lines;
    virgl_set_log_callback(collect, &lines, count_free);
    log(LogLevel::kDebug, "quiet {}", 1);
    log(LogLevel::kError, "100%s %n loud");
    virgl_set_log_callback(nullptr, nullptr, nullptr);
    log(LogLevel::kDebug, "nobody hears this");
    ASSERT_EQ(lines.lines.size(), 2u);
    EXPECT_EQ(lines.lines[0], (std::pair<int, std::string>(VIRGL_LOG_LEVEL_DEBUG, "quiet 1")));
    EXPECT_EQ(lines.lines[1],
              (std::pair<int, std::string>(VIRGL_LOG_LEVEL_ERROR, "100%s %n loud")));
    EXPECT_EQ(lines.freed, 1);
}

TEST_F(Vmm, ReplacingTheLogCallbackFreesThePreviousData) {
    Lines first, second;
    virgl_set_log_callback(collect, &first, count_free);
    virgl_set_log_callback(collect, &second, nullptr);
    EXPECT_EQ(first.freed, 1);
    virgl_set_log_callback(nullptr, nullptr, nullptr);
    EXPECT_EQ(second.freed, 0) << "there was no free function";
}

std::string g_debug_text;
void debug_callback(const char* format, va_list arguments) {
    char line[200];
    std::vsnprintf(line, sizeof line, format, arguments);
    g_debug_text += line;
}

TEST_F(Vmm, TheDebugCallbackIsNeverNull) {
    const auto first = virgl_set_debug_callback(debug_callback);
    ASSERT_NE(first, nullptr);
    log(LogLevel::kInfo, "50% done");
    EXPECT_EQ(g_debug_text, "50% done\n");
    EXPECT_EQ(virgl_set_debug_callback(nullptr), debug_callback);
    EXPECT_NE(virgl_set_debug_callback(first), nullptr);
    virgl_set_debug_callback(nullptr);
}

TEST_F(Vmm, TheLogCallbackMayCallTheLibrary) {
    struct Caller {
        std::vector<std::string> lines;
        bool within = false;
    } caller;
    ASSERT_EQ(init(), 0);
    ASSERT_EQ(native_context(1), 0);
    gpu.context_error = EMFILE;
    virgl_set_log_callback(
        [](virgl_log_level_flags, const char* text, void* data) {
            auto& self = *static_cast<Caller*>(data);
            self.lines.emplace_back(text);
            if (std::exchange(self.within, true)) return;
            EXPECT_EQ(host_blob(5, 1, 99, 4096), -ENOENT) << "which is worth a line, too";
            uint32_t word = 0;
            EXPECT_EQ(virgl_renderer_submit_cmd(&word, 1, 1), 0);
        },
        &caller, nullptr);
    EXPECT_EQ(native_context(2), ENOMEM);
    virgl_set_log_callback(nullptr, nullptr, nullptr);
    ASSERT_EQ(caller.lines.size(), 2u);
    EXPECT_NE(caller.lines[0].find("context 2"), std::string::npos) << caller.lines[0];
    EXPECT_NE(caller.lines[1].find("blob 99"), std::string::npos) << caller.lines[1];
}

TEST_F(Vmm, AMillionFailuresAreAFewLines) {
    ASSERT_EQ(init(), 0);
    ASSERT_EQ(native_context(1), 0);
    ASSERT_EQ(native_context(2), 0);
    Lines lines;
    virgl_set_log_callback(collect, &lines, nullptr);
    for (int i = 0; i < 1'000'000; ++i) host_blob(5, 1, 99, 4096);
    EXPECT_LE(lines.lines.size(), 7u);
    lines.lines.clear();
    host_blob(5, 2, 99, 4096);
    EXPECT_EQ(lines.lines.size(), 1u) << "one context does not silence another";
    virgl_set_log_callback(nullptr, nullptr, nullptr);
}

TEST_F(Vmm, GuestTextIsEscaped) {
    ASSERT_EQ(init(), 0);
    Lines lines;
    virgl_set_log_callback(collect, &lines, nullptr);
    gpu.context_error = EMFILE;
    const char name[] = "\x1b[2J%s\n\xff";
    virgl_renderer_context_create_with_flags(1, 6, sizeof name - 1, name);
    virgl_set_log_callback(nullptr, nullptr, nullptr);
    ASSERT_EQ(lines.lines.size(), 1u);
    EXPECT_NE(lines.lines[0].second.find("\\x1b[2J%s\\x0a\\xff"), std::string::npos)
        << lines.lines[0].second;
}

}  // namespace
}  // namespace viaduct::test
