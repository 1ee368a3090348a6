// docs/security.md names every call that a jailed worker may make, and no other.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/unit/drm-context/jail/allowed_calls.h"

namespace viaduct::test {
namespace {

TEST(SecurityPage, HasTheListsOfTheJail) {
    const char* const path = std::getenv("VIADUCT_SECURITY_PAGE");
    if (!path) GTEST_SKIP() << "VIADUCT_SECURITY_PAGE does not name docs/security.md";
    std::ostringstream page;
    page << std::ifstream(path).rdbuf();
    const std::string begin = "<!-- lists of the jail: begin -->\n\n";
    const std::string end = "\n<!-- lists of the jail: end -->\n";
    const std::string text = page.str();
    const size_t first = text.find(begin);
    const size_t last = text.find(end);
    ASSERT_NE(first, std::string::npos);
    ASSERT_NE(last, std::string::npos);
    EXPECT_EQ(text.substr(first + begin.size(), last - first - begin.size()), allowed_calls())
        << "docs/security.md is not what the tables of drm-context/jail/ and the drivers say; "
           "between its two comments belongs:\n\n"
        << allowed_calls();
}

}  // namespace
}  // namespace viaduct::test
