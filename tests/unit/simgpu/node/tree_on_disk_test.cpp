#include "simgpu/node/tree_on_disk.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

namespace simgpu::node {
namespace {

using EntryKind = TreeEntry::Kind;

DeviceTree tree_with(const std::string& content) {
    DeviceTree tree;
    tree.entries = {{EntryKind::kDirectory, "/dir", ""},
                    {EntryKind::kFile, "/dir/file", content},
                    {EntryKind::kLink, "/dir/link", "file"},
                    {EntryKind::kNode, "/node", ""}};
    return tree;
}

class TreeOnDisk : public testing::Test {
  protected:
    ~TreeOnDisk() override {
        for (const std::string& root : roots_) std::filesystem::remove_all(root);
    }
    std::string write(const DeviceTree& tree) {
        const auto root = write_tree(tree);
        EXPECT_TRUE(root) << root.error();
        if (root) roots_.push_back(*root);
        return root.value_or("");
    }
    // No other test's or product's.
    const std::string unique_ = "test " + std::to_string(::getpid());

  private:
    std::vector<std::string> roots_;
};

TEST_F(TreeOnDisk, HoldsEveryKind) {
    const std::string root = write(tree_with(unique_));
    std::ifstream file(root + "/dir/link");
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), unique_);
    struct stat st = {};
    ASSERT_EQ(::lstat((root + "/node").c_str(), &st), 0);
    EXPECT_EQ(st.st_mode, S_IFIFO | kNodeMode);
    ASSERT_EQ(::stat(root.substr(0, root.find_last_of('/')).c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 077, 0u);
    EXPECT_EQ(st.st_uid, ::geteuid());
}

TEST_F(TreeOnDisk, SameContentIsOneCopy) {
    EXPECT_EQ(write(tree_with(unique_)), write(tree_with(unique_)));
    EXPECT_NE(write(tree_with(unique_)), write(tree_with(unique_ + "!")));
}

TEST_F(TreeOnDisk, ManyWritersAgreeAndLeaveNothingElse) {
    const DeviceTree tree = tree_with(unique_ + " raced");
    std::vector<std::string> roots(8);
    std::vector<std::thread> threads;
    for (std::string& root : roots)
        threads.emplace_back([&root, &tree] { root = write_tree(tree).value_or("none"); });
    for (std::thread& thread : threads) thread.join();
    const std::string root = write(tree);
    for (const std::string& other : roots) EXPECT_EQ(other, root);
    const std::filesystem::path path(root);
    for (const auto& entry : std::filesystem::directory_iterator(path.parent_path()))
        EXPECT_FALSE(entry.path().filename().string().starts_with(path.filename().string() + "."));
}

TEST(TreeDigest, DiffersByKindPathAndContent) {
    const auto digest = [](const TreeEntry& entry) {
        DeviceTree tree;
        tree.entries = {entry};
        return tree_digest(tree);
    };
    const TreeEntry base{EntryKind::kFile, "/ab", "c"};
    EXPECT_EQ(digest(base), digest(base));
    EXPECT_NE(digest(base), digest({EntryKind::kLink, "/ab", "c"}));
    EXPECT_NE(digest(base), digest({EntryKind::kFile, "/a", "bc"}));
    EXPECT_NE(digest(base), digest({EntryKind::kFile, "/ab", "d"}));
}

TEST(LexicallyNormal, Table) {
    struct Case {
        const char* path;
        const char* normal;
    };
    for (const Case& c : std::vector<Case>{{"/dev/dri", "/dev/dri"},
                                           {"//dev///dri/", "/dev/dri"},
                                           {"/dev/./dri/.", "/dev/dri"},
                                           {"/dev/dri/by-path/../card0", "/dev/dri/card0"},
                                           {"/dev/dri/..", "/dev"},
                                           {"/../../a", "/a"},
                                           {"/..hidden/...", "/..hidden/..."},
                                           {"/", "/"},
                                           {"", "/"}})
        EXPECT_EQ(lexically_normal(c.path), c.normal) << c.path;
}

}  // namespace
}  // namespace simgpu::node
