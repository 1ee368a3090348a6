#include "drm-context/metrics/http.h"

#include <gtest/gtest.h>

namespace viaduct::http {
namespace {

TEST(Http, AGetIsAGetOfWhateverPath) {
    EXPECT_EQ(judge("GET /metrics HTTP/1.0\r\n\r\n"), Request::kGet);
    EXPECT_EQ(judge("GET / HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\nbody"), Request::kGet);
    EXPECT_EQ(judge("GET /\n\n"), Request::kGet) << "as typed by hand";
}

TEST(Http, ARequestEndsWithABlankLine) {
    const std::string_view whole = "GET / HTTP/1.0\r\nHost: x\r\n\r\n";
    for (size_t size = 0; size < whole.size(); ++size)
        EXPECT_EQ(judge(whole.substr(0, size)), Request::kUnfinished) << size;
}

TEST(Http, OtherMethodsAndOtherProtocols) {
    EXPECT_EQ(judge("POST / HTTP/1.0\r\n\r\n"), Request::kOtherMethod);
    for (const char* nonsense : {"\r\n\r\n", " GET /\r\n\r\n", "get / HTTP/1.0\r\n\r\n",
                                 "GET\r\n\r\n", "\x16\x03\x01 \r\n\r\n"})
        EXPECT_EQ(judge(nonsense), Request::kNonsense) << nonsense;
}

TEST(Http, AHeadHasItsEndWithinTheLimit) {
    const std::string start = "GET / HTTP/1.0\r\nX: ";
    const std::string fits = start + std::string(kMaxHead - start.size() - 4, 'x') + "\r\n\r\n";
    ASSERT_EQ(fits.size(), kMaxHead);
    EXPECT_EQ(judge(fits), Request::kGet);
    EXPECT_EQ(judge(fits.substr(0, kMaxHead - 1)), Request::kUnfinished);
    EXPECT_EQ(judge("x" + fits), Request::kTooLong);
}

TEST(Http, ResponsesSayHowLongTheyAre) {
    const std::string text = response("200 OK", "viaduct_x 1\n");
    EXPECT_TRUE(text.starts_with("HTTP/1.0 200 OK\r\n")) << text;
    EXPECT_NE(text.find("\r\nContent-Length: 12\r\n"), std::string::npos) << text;
    EXPECT_TRUE(text.ends_with("\r\n\r\nviaduct_x 1\n")) << text;
}

}  // namespace
}  // namespace viaduct::http
