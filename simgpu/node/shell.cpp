#include "simgpu/node/shell.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <map>
#include <mutex>

#include "simgpu/node/mapped_ranges.h"
#include "simgpu/node/next.h"
#include "simgpu/node/proc_self.h"
#include "simgpu/node/tree_on_disk.h"

namespace simgpu::node {

namespace {

using viaduct::UniqueFd;

constinit std::atomic<Shell*> the_shell{nullptr};
constinit std::once_flag woken;
constinit thread_local bool waking = false;

bool exists(const std::string& path) {
    struct stat st = {};
    return next::lstat(path.c_str(), &st) == 0;
}

std::vector<std::string> list_directory(const char* path) {
    std::vector<std::string> names;
    DIR* directory = next::opendir(path);
    if (directory == nullptr) return names;
    while (const dirent* entry = ::readdir(directory)) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
    }
    ::closedir(directory);
    return names;
}

// The first pair of minors and the first bus that neither the machine nor a device before us has.
bool place(PlacedDevice& device, int first_index, int first_bus) {
    constexpr int kMinorsPerType = 64;  // drm_drv.c
    const auto taken = [&device](NodeType type) {
        const std::string name = device.node_name(type);
        return exists("/dev/dri/" + name) || exists("/sys/class/drm/" + name) ||
               exists(fmt::format("/sys/dev/char/{}:{}", kDrmMajor, device.minor_number(type)));
    };
    device.index = first_index;
    while (taken(NodeType::kPrimary) || taken(NodeType::kRender))
        if (++device.index >= kMinorsPerType) return false;
    device.pci_bus = first_bus;
    while (exists("/sys/bus/pci/devices/" + device.pci_address()) || exists(device.pci_path()))
        if (++device.pci_bus > 0xff) return false;
    return true;
}

bool starts_with(const char* text, std::string_view prefix) {
    return std::strncmp(text, prefix.data(), prefix.size()) == 0;
}

// Whether `path` may be in a node's tree: by its beginning, for most paths by its second letter.
bool may_be_ours(const char* path) {
    if (path == nullptr || path[0] != '/') return false;
    while (path[1] == '/') ++path;
    if (path[1] == 'd') return starts_with(path, "/dev/") && std::strstr(path, "dri") != nullptr;
    if (path[1] != 's' || !starts_with(path, "/sys/")) return false;
    for (const std::string_view prefix :
         {"/sys/dev/char", "/sys/class/drm", "/sys/bus/pci", "/sys/devices/pci", "/sys/module/"})
        if (starts_with(path, prefix)) return true;
    return false;
}

bool is_or_is_below(std::string_view path, std::string_view directory) {
    return path.starts_with(directory) &&
           (path.size() == directory.size() || path[directory.size()] == '/');
}

// The mode of a node's FIFO. No pipe has it, so it marks one even before the shell is awake.
constexpr mode_t kFifoMode = S_IFIFO | kNodeMode;

}  // namespace

OpenFiles& open_files() {
    alignas(OpenFiles) static std::byte storage[sizeof(OpenFiles)];
    static auto* const files = new (storage) OpenFiles;
    return *files;
}

std::optional<NodeId> node_of(mode_t mode, dev_t device, ino64_t inode) {
    const Shell* shell = mode == kFifoMode ? Shell::wake() : nullptr;
    return shell != nullptr ? shell->identify(device, inode) : std::nullopt;
}

Shell* Shell::awake() {
    return the_shell.load(std::memory_order_acquire);
}

Shell* Shell::wake() {
    if (Shell* shell = awake()) return shell;
    if (waking) return nullptr;
    const KeepErrno keep;
    waking = true;
    std::call_once(woken, [] { the_shell.store(make(), std::memory_order_release); });
    waking = false;
    return awake();
}

Shell* Shell::for_path(const char* path) {
    return may_be_ours(path) ? wake() : nullptr;
}

Shell* Shell::make() {
    auto shell = std::make_unique<Shell>();
    shell->drivers_ = kProduct.create_drivers();
    if (shell->drivers_.empty()) {
        debug("no device to offer");
        return nullptr;
    }
    if (!shell->write_devices()) return nullptr;
    ::pthread_atfork(nullptr, nullptr, [] {
        mapped_ranges().after_fork_in_child();
        open_files().after_fork_in_child();
    });
    return shell.release();
}

bool Shell::write_devices() {
    int index = 0;
    int bus = 0x03;
    for (const auto& driver : drivers_) {
        PlacedDevice device{driver->description()};
        if (!place(device, index, bus)) {
            complain("no free DRM minor or PCI bus for another device");
            return false;
        }
        index = device.index + 1;
        bus = device.pci_bus + 1;
        devices_.push_back(std::move(device));
    }
    std::map<std::string, std::vector<std::string>> machine_names;
    for (const char* listed : listed_directories()) machine_names[listed] = list_directory(listed);
    DeviceTree tree = plan_device_tree(devices_, machine_names);
    auto root = write_tree(tree);
    if (!root) {
        complain(root.error() + "; no device is created");
        return false;
    }
    root_ = std::move(*root);
    owned_ = std::move(tree.owned);
    for (int i = 0; i < static_cast<int>(devices_.size()); ++i) {
        for (const NodeType type : {NodeType::kPrimary, NodeType::kRender}) {
            const NodeId id{i, type};
            struct stat st = {};
            if (next::stat((root_ + node_path(id)).c_str(), &st) == 0)
                nodes_.push_back({st.st_dev, st.st_ino, id});
            debug(fmt::format("{} is {} at {}", node_path(id),
                              devices_[static_cast<size_t>(i)].description.driver, root_));
        }
    }
    return true;
}

std::optional<std::string> Shell::redirect(const char* path) const {
    const std::string normal = lexically_normal(path);
    bool ours = false;
    for (const char* listed : listed_directories()) ours = ours || normal == listed;
    for (const std::string& owned : owned_) ours = ours || is_or_is_below(normal, owned);
    if (ours) return root_ + normal;
    // ".." may lead out of a directory that only we have.
    const bool walks = std::string_view(path).find("/..") != std::string_view::npos;
    return walks ? std::optional(normal) : std::nullopt;
}

std::string_view Shell::without_root(std::string_view path) const {
    if (path.size() > root_.size() && is_or_is_below(path, root_)) path.remove_prefix(root_.size());
    return path;
}

std::optional<NodeId> Shell::identify(dev_t device, ino64_t inode) const {
    for (const KnownNode& node : nodes_)
        if (node.inode == inode && node.device == device) return node.id;
    return std::nullopt;
}

dev_t Shell::device_number(NodeId node) const {
    return ::makedev(
        kDrmMajor,
        static_cast<unsigned>(devices_[static_cast<size_t>(node.device)].minor_number(node.type)));
}

std::string Shell::node_path(NodeId node) const {
    return "/dev/dri/" + devices_[static_cast<size_t>(node.device)].node_name(node.type);
}

std::unique_ptr<NodeFile> Shell::open_file(NodeId node, int* error) const {
    return take_opened(node, drivers_[static_cast<size_t>(node.device)]->open(node.type), error);
}

std::unique_ptr<NodeFile> Shell::open_inherited(NodeId node, bool claimed) const {
    NodeDriver& driver = *drivers_[static_cast<size_t>(node.device)];
    int error = 0;
    return take_opened(node, driver.open_inherited(node.type, claimed), &error);
}

std::unique_ptr<NodeFile> Shell::take_opened(NodeId node,
                                             tl::expected<std::unique_ptr<NodeFile>, int> file,
                                             int* error) const {
    if (file) return std::move(*file);
    *error = file.error();
    debug(fmt::format("open {}: {}", node_path(node), std::strerror(*error)));
    return nullptr;
}

OpenFilePtr Shell::make_open_file(NodeId node, int fd, std::unique_ptr<NodeFile> file) const {
    struct stat st = {};
    if (next::fstat(fd, &st) != 0) return nullptr;
    const auto reopen = [this, node](bool claimed) { return open_inherited(node, claimed); };
    return std::make_shared<OpenFile>(node.number(), st.st_dev, st.st_ino, std::move(file), reopen);
}

int Shell::open_node(NodeId node, int flags) {
    // A FIFO opens at once only for reading and writing.
    const int fifo_flags = (flags & ~(O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC)) | O_RDWR;
    UniqueFd fd(next::open((root_ + node_path(node)).c_str(), fifo_flags));
    if (!fd || (flags & O_PATH) != 0) return fd.release();
    int error = 0;
    auto file = open_file(node, &error);
    if (!file) {
        fd.reset();
        errno = error;
        return -1;
    }
    // The driver's own descriptor takes the number of the FIFO's, the lowest that was free.
    if (UniqueFd own = file->take_descriptor();
        own && next::dup3(own.get(), fd.get(), flags & O_CLOEXEC) < 0)
        return -1;
    OpenFilePtr open_file = make_open_file(node, fd.get(), std::move(file));
    if (!open_file) return -1;
    open_files().insert(fd.get(), std::move(open_file));
    return fd.release();
}

// A claim is the file description's F_SETSIG, which goes wherever that goes: none of our FIFOs ever
// sends a signal.
void publish_claim(int fd) {
    next::fcntl(fd, F_SETSIG, SIGURG);
}

namespace {

bool has_claim(int fd) {
    return next::fcntl(fd, F_GETSIG, 0) > 0;
}

}  // namespace

OpenFilePtr Shell::adopt(int fd) {
    struct stat st = {};
    if (next::fstat(fd, &st) != 0) return nullptr;
    const auto node = identify(st.st_dev, st.st_ino);
    if (!node) return nullptr;
    if (OpenFilePtr twin = open_files().find_twin(fd)) return twin;
    auto file = open_inherited(*node, has_claim(fd));
    if (!file) return nullptr;
    debug(fmt::format("descriptor {} came from another program: opening a new file", fd));
    OpenFilePtr adopted = make_open_file(*node, fd, std::move(file));
    if (adopted) open_files().insert(fd, adopted);
    return adopted;
}

namespace {

// A node can also be reached by a directory's descriptor or a link; its last name then tells.
bool ends_like_a_node(const char* path) {
    const char* slash = std::strrchr(path, '/');
    const char* name = slash != nullptr ? slash + 1 : path;
    return starts_with(name, "renderD") || starts_with(name, "card");
}

OpenTarget node_target(int directory, const char* path, OpenTarget otherwise) {
    struct stat st = {};
    if (next::fstatat(directory, path, &st, 0) == 0)
        if (const auto node = node_of(st.st_mode, st.st_dev, st.st_ino))
            return {OpenTarget::Kind::kNode, {}, *node};
    return otherwise;
}

OpenTarget proc_target(const char* path) {
    const auto parsed = parse_proc_self(path);
    const OpenFilePtr file = parsed ? open_files().find(parsed->fd) : nullptr;
    if (!file) return {};
    const auto kind = parsed->kind == ProcSelfPath::Kind::kFd ? OpenTarget::Kind::kNode
                                                              : OpenTarget::Kind::kFdinfo;
    return {kind, {}, NodeId::from_number(file->node()), parsed->fd};
}

}  // namespace

OpenTarget find_open_target(int directory, const char* path) {
    if (path == nullptr || waking) return {};
    if (const Shell* shell = Shell::for_path(path)) {
        auto redirected = shell->redirect(path);
        if (!redirected) return {};
        return node_target(AT_FDCWD, redirected->c_str(),
                           {OpenTarget::Kind::kTree, *redirected, {}});
    }
    if (Shell::awake() == nullptr) return {};
    if (starts_with(path, "/proc/")) return proc_target(path);
    return ends_like_a_node(path) ? node_target(directory, path, {}) : OpenTarget{};
}

}  // namespace simgpu::node
