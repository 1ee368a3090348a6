// Buffers: imports, copies where those fail, and their limits.
#include <random>

#include "presenter_fixture.h"

namespace viaduct::wayland {
namespace {

TEST_F(PresenterTest, ImportsABufferOnce) {
    start();
    for (int i = 0; i < 10; ++i) {
        present(frame(static_cast<size_t>(i % 2)));
        compositor->send_frame_done();
        settle();
    }
    EXPECT_EQ(shown_commits(), 10U);
    EXPECT_EQ(compositor->imports, 2);
    EXPECT_NE(compositor->commits[5].buffer, last().buffer);
    EXPECT_EQ(compositor->commits[compositor->commits.size() - 3].buffer, last().buffer);
}

TEST_F(PresenterTest, GivesIdleBuffersUp) {
    start();
    for (size_t i = 0; i < 30; ++i) {
        present(frame(i));
        compositor->send_frame_done();
        if (i > 0) compositor->release(compositor->buffers[i - 1]->resource);
        settle();
    }
    EXPECT_EQ(shown_commits(), 30U);
    EXPECT_LE(compositor->alive_buffers(), static_cast<int>(BufferCache::kMost));
    present(frame(0));
    EXPECT_EQ(compositor->imports, 31) << "forgotten, so imported anew";
}

TEST_F(PresenterTest, KeepsBuffersThatTheCompositorReads) {
    start();
    for (size_t i = 0; i < 20; ++i) {
        present(frame(i));
        compositor->send_frame_done();
        settle();
    }
    EXPECT_EQ(compositor->alive_buffers(), 20);
    EXPECT_EQ(notes.count("released 1"), 0);
}

TEST_F(PresenterTest, TakesLateImports) {
    start();
    compositor->hold_imports = true;
    present(frame(0));
    present(frame(1));
    present(frame(2));
    EXPECT_EQ(shown_commits(), 0U);
    EXPECT_EQ(compositor->imports, 1);
    compositor->answer_import();
    settle();
    EXPECT_EQ(shown_commits(), 1U);
    EXPECT_TRUE(notes.has("dropped 2"));
}

TEST_F(PresenterTest, CopiesWhatTheCompositorCannotImport) {
    start();
    compositor->accept_imports = false;
    auto mapping = Mapping::map_shared(memory[0].get(), 0, 64 * 32 * 4).value();
    for (uint32_t i = 0; i < 64 * 32; ++i) std::memcpy(mapping.data() + i * 4, &i, sizeof(i));
    present(frame(0, DRM_FORMAT_MOD_LINEAR));
    ASSERT_EQ(shown_commits(), 1U);
    EXPECT_FALSE(last().dmabuf);
    ASSERT_EQ(last().pixels.size(), 64U * 32);
    for (uint32_t i = 0; i < 64 * 32; ++i) ASSERT_EQ(last().pixels[i], i);
    EXPECT_TRUE(notes.has("released 1")) << "the guest's buffer is free at once";
    EXPECT_EQ(presenter->counts().copied, 1U);
    EXPECT_EQ(presenter->counts().copied_bytes, 64U * 32 * 4);
    EXPECT_EQ(presenter->counts().failed_imports, 1U);
    compositor->send_frame_done();
    present(frame(0, DRM_FORMAT_MOD_LINEAR));
    EXPECT_EQ(compositor->imports, 1) << "it is not tried again";
    EXPECT_EQ(presenter->counts().copied, 2U);
    compositor->send_feedback(usual_offers().tranches);
    compositor->send_frame_done();
    settle();
    compositor->accept_imports = true;
    present(frame(0, DRM_FORMAT_MOD_LINEAR));
    EXPECT_EQ(presenter->counts().zero_copy, 1U) << "another table of formats";
}

TEST_F(PresenterTest, WaitsForAFreeCopy) {
    auto offers = usual_offers();
    offers.dmabuf = 0;
    start(offers);
    for (size_t i = 0; i < 4; ++i) {
        present(frame(i, DRM_FORMAT_MOD_LINEAR));
        compositor->send_frame_done();
        settle();
    }
    EXPECT_EQ(shown_commits(), 3U) << "all three copies are the compositor's";
    compositor->release(compositor->commits[1].buffer);
    settle();
    EXPECT_EQ(shown_commits(), 4U);
    compositor->send_frame_done();
    present(frame(0, DRM_FORMAT_MOD_LINEAR, 32, 32));
    EXPECT_EQ(shown_commits(), 5U) << "another size has copies of its own";
    EXPECT_EQ(compositor->error, "");
}

TEST_F(PresenterTest, RefusesWhatNobodyCanRead) {
    start();
    compositor->accept_imports = false;
    present(frame(0, kTiled));
    EXPECT_EQ(shown_commits(), 0U);
    EXPECT_TRUE(notes.has("dropped 1"));
    EXPECT_TRUE(notes.has("released 1"));
    EXPECT_EQ(presenter->counts().refused, 1U);
    present(frame(0, fourcc_mod_code(INTEL, 1)));
    EXPECT_EQ(compositor->imports, 1) << "not advertised, so not asked for: that would be fatal";
    EXPECT_TRUE(notes.has("released 2"));
    EXPECT_EQ(compositor->error, "");
}

// Anything that a guest makes up is refused before the compositor sees it, which would end the
// connection.
TEST_F(PresenterTest, NoDescriptionEndsTheConnection) {
    start();
    std::mt19937 random(7);
    const uint32_t numbers[] = {0,   1,   2,    31,    32,    33,       63,        64,
                                65,  127, 128,  129,   255,   256,      257,       4096,
                                512, 513, 1024, 65535, 65536, 1u << 31, UINT32_MAX};
    const uint64_t modifiers[] = {DRM_FORMAT_MOD_INVALID, DRM_FORMAT_MOD_LINEAR, kTiled,
                                  fourcc_mod_code(INTEL, 1)};
    const uint32_t formats[] = {kFormat, DRM_FORMAT_ARGB8888, DRM_FORMAT_NV12, DRM_FORMAT_RGB565,
                                0};
    const auto pick = [&random](const auto& from) { return from[random() % std::size(from)]; };
    for (int i = 0; i < 3000; ++i) {
        FrameDescription description;
        description.width = pick(numbers);
        description.height = pick(numbers);
        description.fourcc = pick(formats);
        description.modifier = pick(modifiers);
        description.bottom_up = random() % 2 == 0;
        for (size_t plane = random() % 4 ? 1 : random() % 6; plane > 0; --plane)
            description.planes.push_back(
                {memory[random() % 8].get(), random() % 2 ? 0 : pick(numbers), pick(numbers)});
        if (auto checked = Frame::check(description)) present(*std::move(checked));
        compositor->send_frame_done();
        for (const auto& buffer : compositor->buffers)
            if (buffer->resource && random() % 2) compositor->release(buffer->resource);
        ASSERT_EQ(compositor->error, "") << i;
    }
    EXPECT_GT(presenter->counts().zero_copy, 100U);
    EXPECT_GT(presenter->counts().refused, 10U);
    EXPECT_EQ(notes.count("lost"), 0);
}

TEST_F(PresenterTest, SpeaksVersion3OfLinuxDmabuf) {
    auto offers = usual_offers();
    offers.dmabuf = 3;
    start(offers);
    present(frame(0));
    ASSERT_EQ(shown_commits(), 1U);
    EXPECT_TRUE(last().dmabuf);
    compositor->send_frame_done();
    present(frame(1, kTiled));
    EXPECT_EQ(last().dmabuf->modifier, kTiled);
}

TEST_F(PresenterTest, TenThousandFlipsLeaveNothingBehind) {
    start();
    size_t descriptors = 0;
    const auto open_descriptors = [] {
        size_t count = 0;
        for (int fd = 0; fd < 1024; ++fd) count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
        return count;
    };
    for (size_t i = 0; i < 10'000; ++i) {
        ASSERT_TRUE(presenter->present(frame(i % 3), ++number));
        compositor->turn();
        if (i < 3) settle();  // imports
        compositor->send_frame_done();
        compositor->send_presented(i, 0, 0, 0);
        if (i > 0) compositor->release(compositor->buffers[(i - 1) % 3]->resource);
        compositor->turn();
        presenter->dispatch();
        if (i == 100) descriptors = open_descriptors();
        ASSERT_EQ(presenter->counts().zero_copy, i + 1);
    }
    EXPECT_EQ(open_descriptors(), descriptors);
    EXPECT_EQ(compositor->imports, 3);
    EXPECT_EQ(compositor->alive_buffers(), 3);
    EXPECT_EQ(presenter->counts().superseded, 0U);
    EXPECT_EQ(presenter->counts().copied_bytes, 0U);
    for (uint64_t i = 1; i < 10'000; ++i) {
        if (i % 997 != 0) continue;
        EXPECT_TRUE(notes.has("shown " + std::to_string(i))) << i;
        EXPECT_TRUE(notes.has("released " + std::to_string(i))) << i;
    }
}

}  // namespace
}  // namespace viaduct::wayland
