#include "tools/viaduct/claims.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace viaduct::tool {
namespace {

constexpr Speaker kSpeaker{4711, 4711};

TEST(Claims, AboutOthersAreLeftOut) {
    const Claims claims = own_claims(
        "# HELP a x\na{vm=\"web\",pid=\"4711\"} 1\na{vm=\"db\",pid=\"4712\"} 2\na{vm=\"db\"} 3\n",
        kSpeaker);
    EXPECT_EQ(claims.text, "# HELP a x\na{vm=\"web\",pid=\"4711\"} 1\n");
    EXPECT_EQ(claims.foreign, 2u);
}

// A line that the parser and a monitoring system could read in two ways belongs to nobody.
TEST(Claims, AreNotMadeByMalformedLines) {
    for (const char* line :
         {"a{pid=\"4711\",pid=\"4712\"} 1", "a{pid=\"47\",pid=\"11\"} 1", "a{x,pid=\"4711\"} 1",
          "a{pid=\"4711\"} 1 b{pid=\"4712\"} 1", "a b{pid=\"4711\"} 1", "a{pid=\"4711\"} nan",
          "a{pid=\"4711\",x=\"\\n\"} 1", "a{pid=\"4711\"} 1e300", "a{pid=\"4711\"", "a 1", "{} 1"})
        EXPECT_EQ(own_claims(line, kSpeaker).text, "") << line;
}

TEST(Claims, CannotSteerATerminal) {
    const Claims claims = own_claims(
        "# HELP a \x1b[2J\ra{pid=\"4711\"} 1\na{vm=\"\x1b]0;title\x07\",pid=\"4711\"} 1\n"
        "a{vm=\"\xc2\x9b"
        "31m\",pid=\"4711\"} 2\n"                  // CSI among the C1 controls
        "a{vm=\"\xe2\x80\xae\",pid=\"4711\"} 3\n"  // right to left from here on
        "a{vm=\"\xff\",pid=\"4711\"} 4\n",
        kSpeaker);
    for (const char c : claims.text) EXPECT_TRUE(c == '\n' || (c >= ' ' && c <= '~')) << +c;
    EXPECT_NE(claims.text.find("a{vm=\"?]0;title?\",pid=\"4711\"} 1\n"), std::string::npos)
        << claims.text;
    EXPECT_NE(claims.text.find("a{vm=\"?\",pid=\"4711\"} 4\n"), std::string::npos);
}

// A VMM in a container calls itself otherwise than we do.
TEST(Claims, CarryThePidAsSeenFromHere) {
    const Speaker contained{4711, 5};
    const Claims claims = own_claims(
        "a{pid=\"5\",x=\",pid=\\\"5\\\"\"} 1\na{xpid=\"5\",pid=\"5\"} 2\na{pid=\"4711\"} 3\n",
        contained);
    EXPECT_EQ(claims.text,
              "a{pid=\"4711\",x=\",pid=\\\"5\\\"\"} 1\na{xpid=\"5\",pid=\"4711\"} 2\n");
    EXPECT_EQ(claims.foreign, 1u);
}

TEST(Claims, OfOneThatCannotBeSeenAreKept) {
    EXPECT_EQ(own_claims("a{pid=\"5\",x=\"\t\"} 1\n", Speaker{}).text, "a{pid=\"5\",x=\"?\"} 1\n");
}

TEST(Claims, ASpeakerIsFoundByItsPid) {
    const Speaker self = speaker_of(::getpid());
    EXPECT_EQ(self.pid, ::getpid());
    EXPECT_EQ(self.own_pid, ::getpid());
    EXPECT_EQ(speaker_of(1 << 30).own_pid, 1 << 30) << "there is none";
}

}  // namespace
}  // namespace viaduct::tool
