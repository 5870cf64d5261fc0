# Stand-ins for the base images; stand-ins.sh prepares the build context.

FROM scratch AS deepstream
ADD root.tar /
# Includes security updates, as Debian's own images do.
COPY sources.list /etc/apt/sources.list
CMD ["bash"]

FROM deepstream AS node
COPY local/ /usr/local/
