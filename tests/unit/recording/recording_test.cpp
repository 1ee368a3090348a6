// The file format of recordings: written, read, and broken.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "recording/reader.h"
#include "recording/writer.h"

namespace viaduct::recording {

namespace {

namespace fs = std::filesystem;

constexpr uint64_t kAmple = 64 << 20;

class Recording : public ::testing::Test {
  protected:
    Recording() {
        std::string name = ::testing::TempDir() + "recording-XXXXXX";
        folder_ = ::mkdtemp(name.data());
        path_ = folder_ + "/file";
    }
    ~Recording() override { fs::remove_all(folder_); }

    static std::span<const std::byte> bytes(std::string_view text) {
        return std::as_bytes(std::span(text));
    }
    /// A record of each kind that a short run has.
    void write_some() {
        auto writer = RecordingWriter::create(path_, 0, kAmple);
        ASSERT_TRUE(writer) << writer.error().message;
        EXPECT_TRUE(writer->add(ContextCreated{3}, {bytes("vkcube")}));
        EXPECT_TRUE(writer->add(BlobCreated{3, 7, 2, 1, 5, 8192}));
        EXPECT_TRUE(writer->add(Memory{7, Found::kBeforeSubmission, 64}, {bytes("abcdefgh")}));
        EXPECT_TRUE(writer->add(Submitted{3, 0}, {bytes(""), bytes("commands")}));
        EXPECT_TRUE(writer->add(FenceRetired{3, 1, 99}));
        EXPECT_TRUE(writer->add(Reset{}));
        writer->finish(EndReason::kFinished);
        EXPECT_FALSE(writer->open());
        EXPECT_EQ(writer->error(), "");
    }
    std::vector<char> content() const {
        std::ifstream file(path_, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    void replace(const std::vector<char>& content) const {
        std::ofstream(path_, std::ios::binary)
            .write(content.data(), static_cast<std::streamsize>(content.size()));
    }
    /// Reads the file to its end, or to the error.
    Result<size_t> count() const {
        auto reader = RecordingReader::open(path_);
        if (!reader) return tl::unexpected(reader.error());
        for (size_t records = 0;; ++records) {
            const auto record = reader->next();
            if (!record) return tl::unexpected(record.error());
            if (!*record) return records;
        }
    }

    std::string folder_;
    std::string path_;
};

TEST_F(Recording, GivesBackWhatWasWritten) {
    write_some();
    auto reader = RecordingReader::open(path_);
    ASSERT_TRUE(reader) << reader.error().message;
    EXPECT_FALSE(reader->without_contents());
    for (int round = 0; round < 2; ++round) {
        std::vector<RecordType> types;
        for (auto record = reader->next(); record && *record; record = reader->next()) {
            types.push_back((*record)->type);
            EXPECT_EQ((*record)->number, types.size());
            if ((*record)->type != RecordType::kMemory) continue;
            EXPECT_EQ((*record)->as<Memory>().offset, 64u);
            const auto tail = (*record)->behind<Memory>();
            EXPECT_EQ(std::string(reinterpret_cast<const char*>(tail.data()), tail.size()),
                      "abcdefgh");
        }
        EXPECT_EQ(types, (std::vector{RecordType::kContext, RecordType::kBlob, RecordType::kMemory,
                                      RecordType::kSubmit, RecordType::kRetired, RecordType::kReset,
                                      RecordType::kEnd}));
        ASSERT_TRUE(reader->rewind());
    }
}

TEST_F(Recording, IsForItsOwnerAloneAndReplacesNothing) {
    write_some();
    struct stat status {};
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    const auto before = content();
    const auto second = RecordingWriter::create(path_, 0, kAmple);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, EEXIST);
    EXPECT_EQ(content(), before);
}

TEST_F(Recording, EndsBeforeItsLimit) {
    constexpr uint64_t kLimit = 4096;
    auto writer = RecordingWriter::create(path_, kWithoutContents, kLimit);
    ASSERT_TRUE(writer);
    const std::vector<std::byte> kilobyte(1000);
    size_t written = 0;
    while (writer->add(Memory{1, Found::kAfterFence, 0}, {kilobyte})) ++written;
    EXPECT_EQ(written, 3u);
    EXPECT_FALSE(writer->open());
    EXPECT_NE(writer->error().find("limit is 4096"), std::string::npos) << writer->error();
    EXPECT_LE(content().size(), kLimit);
    auto reader = RecordingReader::open(path_);
    ASSERT_TRUE(reader);
    EXPECT_TRUE(reader->without_contents());
    Record last;
    for (auto record = reader->next(); record && *record; record = reader->next()) last = **record;
    ASSERT_EQ(last.type, RecordType::kEnd);
    EXPECT_EQ(last.as<End>().reason, EndReason::kTooLarge);
}

TEST_F(Recording, SaysSoWhenTheDiskIsFull) {
    // The writer refuses files that exist, so the device is what its path leads to.
    auto writer = RecordingWriter::create(path_, 0, kAmple);
    ASSERT_TRUE(writer);
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    ASSERT_GE(full, 0);
    struct stat ours {};
    ASSERT_EQ(::stat(path_.c_str(), &ours), 0);
    for (int fd = 3; fd < full; ++fd) {
        struct stat status {};
        if (::fstat(fd, &status) == 0 && status.st_ino == ours.st_ino &&
            status.st_dev == ours.st_dev)
            ::dup2(full, fd);
    }
    ::close(full);
    EXPECT_FALSE(writer->add(Reset{}));
    EXPECT_FALSE(writer->open());
    EXPECT_NE(writer->error().find("No space left"), std::string::npos) << writer->error();
    EXPECT_FALSE(writer->add(Reset{}));
}

TEST_F(Recording, OfAnotherKindOrVersionIsRefused) {
    replace({'E', 'L', 'F'});
    EXPECT_FALSE(count());
    fs::remove(path_);
    write_some();
    auto bytes = content();
    bytes[8] = 2;
    replace(bytes);
    const auto other = count();
    ASSERT_FALSE(other);
    EXPECT_NE(other.error().message.find("version 2"), std::string::npos) << other.error().message;
    bytes[8] = 1;
    bytes[12] = 8;
    replace(bytes);
    EXPECT_FALSE(count());
    EXPECT_FALSE(RecordingReader::open(folder_));  // a folder
}

TEST_F(Recording, BreaksOffAnywhere) {
    write_some();
    const auto whole = content();
    ASSERT_EQ(*count(), 7u);
    size_t complete = 0;
    for (size_t size = 0; size < whole.size(); ++size) {
        replace({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)});
        if (const auto records = count()) {
            EXPECT_EQ(*records, complete);  // at the end of a record
            ++complete;
        }
    }
    EXPECT_EQ(complete, 7u);
}

TEST_F(Recording, WithAnyByteChangedIsReadToAnEnd) {
    write_some();
    const auto whole = content();
    std::minstd_rand random(7);
    for (size_t at = 0; at < whole.size(); ++at)
        for (int round = 0; round < 4; ++round) {
            auto broken = whole;
            broken[at] = static_cast<char>(random());
            replace(broken);
            if (const auto records = count()) {
                EXPECT_LE(*records, whole.size());
            } else {
                EXPECT_NE(records.error().message, "");
            }
        }
}

TEST_F(Recording, HasNoRecordOfAnImpossibleSize) {
    write_some();
    auto bytes = content();
    // The first record's length: more than any record may have, then less than its kind needs.
    for (const uint32_t length : {kMostRecordBytes + 1, UINT32_MAX, 3u}) {
        std::memcpy(bytes.data() + sizeof(FileHeader) + 4, &length, sizeof(length));
        replace(bytes);
        const auto records = count();
        ASSERT_FALSE(records);
        EXPECT_NE(records.error().message.find("cannot have"), std::string::npos);
    }
}

}  // namespace

}  // namespace viaduct::recording
