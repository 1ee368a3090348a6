// The Player against a library that a test programs: what it calls, and what it takes for a
// difference; and recordings of which nothing is as it should be.
#include "tools/replay/player.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>

#include "recording/writer.h"
#include "tests/unit/tools/replay/fake_library.h"
#include "wire/ccmd.h"

namespace viaduct::replay {

namespace {

namespace fs = std::filesystem;
using namespace recording;
using std::chrono::milliseconds;
using Calls = std::vector<std::string>;

constexpr uint32_t kHost3d = VIRGL_RENDERER_BLOB_MEM_HOST3D;
constexpr uint32_t kMappable = VIRGL_RENDERER_BLOB_FLAG_USE_MAPPABLE;

class PlayerTest : public ::testing::Test {
  protected:
    PlayerTest() {
        std::string name = ::testing::TempDir() + "player-XXXXXX";
        folder_ = ::mkdtemp(name.data());
        path_ = folder_ + "/file";
        writer = *RecordingWriter::create(path_, 0, 64 << 20);
    }
    ~PlayerTest() override { fs::remove_all(folder_); }

    static std::span<const std::byte> bytes(std::string_view text) {
        return std::as_bytes(std::span(text));
    }
    void add_buffer() {
        writer->add(ContextCreated{1}, {bytes("test")});
        writer->add(BlobCreated{1, 5, kHost3d, kMappable, 7, 8192});
        writer->add(Mapped{5});
    }
    void add_submission(std::string_view commands = "commands") {
        writer->add(Submitted{1, 0}, {bytes(commands)});
    }
    void add_fence(uint64_t id) {
        writer->add(FenceCreated{1, 1, id});
        writer->add(FenceRetired{1, 1, id});
    }
    Result<Report> play() {
        auto player = Player::create(fake.library, {milliseconds(50)});
        if (!player) return tl::unexpected(player.error());
        auto reader = RecordingReader::open(path_);
        if (!reader) return tl::unexpected(reader.error());
        return (*player)->play(*reader);
    }
    /// The first difference; empty: none.
    std::string difference() {
        const auto report = play();
        if (!report) return "error: " + report.error().message;
        return report->sentences.empty() ? "" : report->sentences.front();
    }

    test::FakeLibrary fake;
    std::string folder_;
    std::string path_;
    std::optional<RecordingWriter> writer;
};

TEST_F(PlayerTest, CallsTheLibraryInOrder) {
    add_buffer();
    add_submission();
    const uint64_t id = 3;
    writer->add(Submitted{1, 1}, {std::as_bytes(std::span(&id, 1)), bytes("more")});
    add_fence(9);
    writer->add(Unreferenced{5});
    writer->add(ContextDestroyed{1});
    writer->finish(EndReason::kFinished);
    const auto report = play();
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(fake.calls, (Calls{"context 1", "blob 5", "submit 2 words to 1",
                                 "submit 1 words to 1 behind 1 fences", "fence 9", "unref 5",
                                 "context end 1", "reset"}));
    EXPECT_EQ(report->differences, 0u);
    EXPECT_EQ(report->submissions, 2u);
    EXPECT_TRUE(report->notes.empty());
}

TEST_F(PlayerTest, GivesTheGpuItsInputAndComparesItsResult) {
    add_buffer();
    writer->add(Memory{5, Found::kBeforeSubmission, 16}, {bytes("input")});
    add_submission();
    writer->add(FenceCreated{1, 1, 9});
    writer->add(FenceRetired{1, 1, 9});
    writer->add(Memory{5, Found::kAfterFence, 4096}, {bytes("INPUT")});
    std::string seen;
    const auto copy_as = [&](char first) {
        fake.on_submit = [&, first] {
            std::byte* const buffer = fake.bytes_of(5);
            seen.assign(reinterpret_cast<char*>(buffer) + 16, 5);
            std::memcpy(buffer + 4096, "INPUT", 5);
            buffer[4096] = static_cast<std::byte>(first);
        };
    };
    copy_as('I');
    EXPECT_EQ(difference(), "");
    EXPECT_EQ(seen, "input");
    copy_as('X');
    EXPECT_EQ(difference(),
              "record 8: resource 5: 1 bytes from 0x1000 on differ, the first is 0x58 in place of "
              "0x49");
}

TEST_F(PlayerTest, CountsWhatTheGpuLeftAlone) {
    add_buffer();
    add_submission();
    add_fence(9);
    writer->add(Memory{5, Found::kAfterFence, 0}, {bytes(std::string(500, 'r'))});
    writer->add(Memory{5, Found::kAfterFence, 4096}, {bytes("processor")});
    fake.on_submit = [&] { std::memset(fake.bytes_of(5), 'r', 500); };
    auto report = play();
    ASSERT_TRUE(report);
    EXPECT_EQ(report->differences, 0u);
    EXPECT_EQ(report->unexplained_bytes, 9u);
    fake.on_submit = [] {};  // nothing at all
    report = play();
    EXPECT_EQ(report->differences, 1u);
    EXPECT_EQ(report->different_buffers, 1u);
    EXPECT_EQ(report->unexplained_bytes, 509u);
}

TEST_F(PlayerTest, WhatTheRecordingNeverSawIsADifference) {
    add_buffer();
    add_submission();
    fake.on_submit = [&] { fake.bytes_of(5)[100] = std::byte{1}; };
    EXPECT_NE(difference().find("differ at its end"), std::string::npos);
}

TEST_F(PlayerTest, WaitsForFencesButNotForEver) {
    add_buffer();
    for (uint64_t id = 1; id < 4; ++id) add_fence(id);
    EXPECT_EQ(difference(), "");
    fake.retires = false;
    const auto report = play();
    ASSERT_TRUE(report);
    EXPECT_EQ(report->differences, 3u);
    EXPECT_NE(report->sentences[0].find("fence 1 of context 1 on ring 1 has not retired"),
              std::string::npos);
}

TEST_F(PlayerTest, ComparesAnswers) {
    writer->add(ContextCreated{1}, {});
    writer->add(BlobCreated{1, 2, kHost3d, kMappable, 0, 4096});
    writer->add(Mapped{2});
    add_submission();
    writer->add(Answer{1, 2, 77, 1, 64}, {bytes("answer")});
    const auto answer = [&](const char* text, uint32_t seqno) {
        fake.on_submit = [this, text, seqno] {
            std::memcpy(fake.bytes_of(2) + 64, text, 6);
            std::memcpy(fake.bytes_of(2), &seqno, sizeof(seqno));
        };
    };
    answer("answer", 77);
    EXPECT_EQ(difference(), "");
    answer("answEr", 78);
    EXPECT_NE(difference().find("the answer to QUERY_INFO (command 77 of context 1) differs at "
                                "byte 4 of 6"),
              std::string::npos)
        << difference();
    answer("answer", 76);
    EXPECT_NE(difference().find("has no answer in time"), std::string::npos);
}

TEST_F(PlayerTest, ComparesRefusals) {
    add_buffer();
    add_submission();
    fake.submit_error = ENOBUFS;
    EXPECT_NE(difference().find("submit 1 was refused with error 105 in the replay alone"),
              std::string::npos)
        << difference();
    writer->add(Refused{RecordType::kSubmit, 1, ENOBUFS});
    EXPECT_EQ(difference(), "");
    fake.submit_error = EINVAL;
    EXPECT_NE(difference().find("with error 22, and with 105 in the recording"), std::string::npos);
    fake.submit_error = 0;
    EXPECT_NE(difference().find("in the recording alone"), std::string::npos);
}

TEST_F(PlayerTest, BlobsAndMapsThatFailAreDifferences) {
    add_buffer();
    writer->add(Memory{5, Found::kAfterFence, 0}, {bytes("result")});
    fake.map_error = -EINVAL;
    EXPECT_NE(difference().find("cannot be mapped"), std::string::npos);
    fake.blob_error = -ENOMEM;
    EXPECT_NE(difference().find("blob 5 was refused with error 12"), std::string::npos);
}

TEST_F(PlayerTest, GuestMemoryIsItsOwn) {
    writer->add(ContextCreated{1}, {});
    writer->add(BlobCreated{1, 6, VIRGL_RENDERER_BLOB_MEM_GUEST, 0, 0, 8192});
    writer->add(Mapped{6});
    writer->add(Memory{6, Found::kBeforeSubmission, 8187}, {bytes("guest")});
    EXPECT_EQ(difference(), "");
}

TEST_F(PlayerTest, OfAnotherDriverThereIsNoTelling) {
    wire::CapsetDrm capset{};
    capset.context_type = wire::ContextType::kI915;
    writer->add(Host{5, sizeof(capset)}, {bytes("sim:x"), std::as_bytes(std::span(&capset, 1))});
    EXPECT_NE(difference().find("error: the recording is of context type 3"), std::string::npos);
    fake.has_gpu = false;
    EXPECT_NE(difference().find("has no GPU for native contexts"), std::string::npos);
}

TEST_F(PlayerTest, NotesWhatAnEndMeans) {
    add_buffer();
    auto report = play();
    ASSERT_EQ(report->notes.size(), 1u);
    EXPECT_NE(report->notes[0].find("killed"), std::string::npos);
    writer->finish(EndReason::kTooLarge);
    report = play();
    ASSERT_EQ(report->notes.size(), 1u);
    EXPECT_NE(report->notes[0].find("limit"), std::string::npos);
}

// Each is one record behind an honest beginning.
TEST_F(PlayerTest, RefusesImpossibleRecords) {
    add_buffer();
    writer->add(BlobCreated{1, 2, kHost3d, kMappable, 0, 4096});
    writer->add(Mapped{2});
    const auto whole = fs::file_size(path_);
    const auto refused = [&](auto record, std::string_view tail) {
        fs::resize_file(path_, whole);
        const std::string copy = folder_ + "/copy";
        auto other = RecordingWriter::create(copy, 0, 1 << 20);
        other->add(record, {bytes(tail)});
        std::ifstream from(copy, std::ios::binary);
        from.seekg(sizeof(FileHeader));
        std::ofstream(path_, std::ios::binary | std::ios::app) << from.rdbuf();
        fs::remove(copy);
        const auto report = play();
        return !report && report.error().code == EINVAL;
    };
    EXPECT_TRUE(refused(Memory{5, Found::kAfterFence, 8190}, "abc"));
    EXPECT_TRUE(refused(Memory{5, Found::kAfterFence, UINT64_MAX}, "abc"));
    EXPECT_TRUE(refused(Memory{5, static_cast<Found>(9), 0}, "abc"));
    EXPECT_TRUE(refused(Answer{1, 2, 0, 1, 4094}, "abc"));
    EXPECT_TRUE(refused(Answer{1, 2, 0, 1, UINT32_MAX}, "abc"));
    EXPECT_TRUE(refused(Submitted{1, 0}, "odd"));
    EXPECT_TRUE(refused(Submitted{1, UINT32_MAX}, "four"));
    EXPECT_TRUE(refused(ContextCreated{1}, ""));                       // exists
    EXPECT_TRUE(refused(BlobCreated{1, 5, kHost3d, 0, 7, 8192}, ""));  // exists
    EXPECT_TRUE(refused(Mapped{5}, ""));                               // mapped
    EXPECT_TRUE(
        refused(BlobCreated{1, 8, VIRGL_RENDERER_BLOB_MEM_GUEST, 0, 0, UINT64_MAX - 1}, ""));
    EXPECT_TRUE(refused(BlobCreated{1, 8, VIRGL_RENDERER_BLOB_MEM_GUEST, 0, 0, 0}, ""));
    EXPECT_TRUE(refused(Host{UINT32_MAX, 2}, "x"));
    // And some that name what is not there: no more than a difference.
    EXPECT_FALSE(refused(Memory{99, Found::kAfterFence, 0}, "abc"));
    EXPECT_FALSE(refused(Mapped{99}, ""));
    EXPECT_FALSE(refused(Unreferenced{99}, ""));
    EXPECT_FALSE(refused(Answer{9, 99, 0, 1, 0}, "abc"));
}

TEST_F(PlayerTest, NothingFollowsTheEnd) {
    add_buffer();
    writer->add(End{EndReason::kFinished});
    writer->add(Reset{});
    EXPECT_NE(difference().find("behind the last one"), std::string::npos);
}

TEST_F(PlayerTest, WithAnyBytesChangedItComesToAnEnd) {
    add_buffer();
    writer->add(Memory{5, Found::kBeforeSubmission, 16}, {bytes("input")});
    add_submission();
    add_fence(3);
    writer->add(Memory{5, Found::kAfterFence, 16}, {bytes("output")});
    writer->add(Unreferenced{5});
    writer->finish(EndReason::kFinished);
    std::ifstream file(path_, std::ios::binary);
    const std::vector<char> whole{std::istreambuf_iterator<char>(file), {}};
    std::minstd_rand random(11);
    auto player = *Player::create(fake.library, {milliseconds(0)});
    for (int round = 0; round < 3000; ++round) {
        auto broken = whole;
        for (int i = 0; i < 3; ++i)
            broken[sizeof(FileHeader) + random() % (whole.size() - sizeof(FileHeader))] =
                static_cast<char>(random());
        std::ofstream(path_, std::ios::binary)
            .write(broken.data(), static_cast<std::streamsize>(broken.size()));
        auto reader = RecordingReader::open(path_);
        ASSERT_TRUE(reader);
        const auto report = player->play(*reader);
        EXPECT_TRUE(fake.contexts.empty());
        if (!report) {
            EXPECT_NE(report.error().message, "");
        }
    }
}

}  // namespace

}  // namespace viaduct::replay
